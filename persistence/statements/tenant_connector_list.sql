-- A page of open connectors.
-- read
-- system
select id, business_id as business, kind, label, created_at as created_us
  from connector
 where id > coalesce(:after, 0)
   and (business_id = :business_id or :business_id is null)
   and closed_at is null
 order by id
 limit :limit
