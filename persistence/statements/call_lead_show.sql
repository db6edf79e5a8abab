-- One lead; of many notes, the newest.
-- read
select l.id as lead, l.phone, l.name, l.email, right(l.notes, 4000) as notes, l.created_us, l.seen_us,
       (select count(*) from call c where c.business_id = :business and c.lead_id = l.id) as calls
  from lead l
 where l.business_id = :business and l.id = :lead
