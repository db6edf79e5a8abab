-- One call.
-- read
select id, sid as call, state, direction, party_from as "from", party_to as "to", lead_id as lead, node,
       start_us, end_us, cause, epoch, carrier, counts
  from call
 where business_id = :business and id = :id
