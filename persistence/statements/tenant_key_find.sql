-- The living key with this hash.
-- read
-- system
-- none UNAUTHENTICATED
select id, business_id as business, scopes
  from api_key
 where hash = :hash
   and revoked_at is null
