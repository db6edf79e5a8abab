-- The open connector that a carrier's account belongs to.
-- read
-- system
select c.id, c.business_id as business, c.kind, c.secret, c.label, c.account, b.dedupe, b.timezone
  from connector c
  join business b on b.id = c.business_id
 where c.account = :account
   and c.closed_at is null
