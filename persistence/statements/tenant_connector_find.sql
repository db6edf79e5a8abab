-- One open connector, with what its door needs.
-- read
-- system
select c.id, c.business_id as business, c.kind, c.secret, c.label, c.account, b.dedupe, b.timezone
  from connector c
  join business b on b.id = c.business_id
 where c.id = :id
   and c.closed_at is null
