-- Telephone lines of the business.
-- read
select id, label
  from connector
 where business_id = :business and kind = 'twilio' and closed_at is null
 order by id
 limit 500
