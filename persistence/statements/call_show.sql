-- One call. Of a live one the counts are those its events tell.
-- read
select c.id, c.sid as call, c.state, c.direction, c.party_from as "from", c.party_to as "to", c.lead_id as lead,
       c.node, c.connector_id as connector, c.start_us, c.end_us, c.cause, c.epoch, c.carrier,
       case when c.state <> 1 then c.counts else
           (select jsonb_strip_nulls(jsonb_build_object(
                       'turns', count(*) filter (where e.kind = 5),          -- call.happening
                       'barge_ins', count(*) filter (where e.kind = 6),
                       'tools', count(*) filter (where e.kind = 9),
                       'turn_p50_ms', percentile_disc(0.5) within group (order by e.ms) filter (where e.kind = 5),
                       'turn_worst_ms', max(e.ms) filter (where e.kind = 5)))
              from call_event e
             where e.business_id = :business and e.sid = c.sid and e.epoch = c.epoch) end as counts
  from call c
 where c.business_id = :business and c.id = :id
