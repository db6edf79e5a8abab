-- What happened in a call, in the order of its streams.
-- read
select e.epoch, e.seq, e.at_us, e.kind, e.ms, e.text, e.data
  from call c
  join call_event e on e.business_id = c.business_id and e.sid = c.sid
 where c.business_id = :business and c.id = :id
   and (e.epoch, e.seq) > (coalesce(:after_epoch, -1), coalesce(:after_seq::integer, -1))
   and (:words is not true or e.kind in (3, 4))
 order by e.epoch, e.seq
 limit :limit
