-- Calls, newest first, a page at a time. What a live one has done so far, its events tell.
-- read
select c.id, c.sid as call, c.state, c.direction, c.party_from as "from", c.party_to as "to", c.lead_id as lead,
       c.node, c.connector_id as connector, c.start_us, c.end_us, c.cause, c.played_ms, c.dropped,
       greatest(c.barge_ins, n.barge_ins) as barge_ins,
       coalesce((c.counts ->> 'turns')::bigint, n.turns) as turns,
       (c.counts ->> 'first_audio_ms')::bigint as first_audio_ms,
       coalesce((c.counts ->> 'turn_p50_ms')::bigint, n.turn_p50_ms) as turn_p50_ms
  from (select *
          from call
         where business_id = :business
           and start_us >= coalesce(:from_us, 0)
           and start_us < coalesce(:before_us, 9223372036854775807)
           and (start_us, id) < (coalesce(:page_us, 9223372036854775807), coalesce(:page_id, 0))
           and (:live is not true or state < 2)
           and (:states::bigint is null or 1 << state & :states::integer <> 0)
           and (:directions::bigint is null or 1 << direction & :directions::integer <> 0)
           and (:number::text is null or :number in (party_from, party_to))
           and (:connector::bigint is null or connector_id = :connector)
           and (:lead::bigint is null or lead_id = :lead)
         order by start_us desc, id desc
         limit :limit) c
  left join lateral (
	select count(*) filter (where e.kind = 5) as turns,                  -- call.happening
	       count(*) filter (where e.kind = 6)::integer as barge_ins,
	       percentile_disc(0.5) within group (order by e.ms) filter (where e.kind = 5) as turn_p50_ms
	  from call_event e
	 where e.business_id = :business and e.sid = c.sid and e.epoch = c.epoch) n on c.state = 1
 order by c.start_us desc, c.id desc
