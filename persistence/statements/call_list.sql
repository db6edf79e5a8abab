-- Calls, newest first, a page at a time.
-- read
select id, sid as call, state, direction, party_from as "from", party_to as "to", lead_id as lead, node,
       start_us, end_us, cause, played_ms, barge_ins, dropped
  from call
 where business_id = :business
   and start_us >= coalesce(:from_us, 0)
   and start_us < coalesce(:before_us, 9223372036854775807)
   and (start_us, id) < (coalesce(:page_us, 9223372036854775807), coalesce(:page_id, 0))
   and (not :live or state < 2)
 order by start_us desc, id desc
 limit :limit
