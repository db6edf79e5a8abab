-- What is known of a lead; of many notes, the newest.
-- read
select id as lead, name, email, right(notes, 4000) as notes
  from lead
 where business_id = :business and id = :lead
