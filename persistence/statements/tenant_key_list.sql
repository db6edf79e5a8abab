-- A page of keys, the revoked ones too.
-- read
-- system
select id, business_id as business, prefix, label, scopes, created_at as created_us,
       revoked_at as revoked_us
  from api_key
 where id > coalesce(:after, 0)
   and (business_id = :business_id or :business_id is null)
 order by id
 limit :limit
