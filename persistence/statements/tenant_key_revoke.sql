-- Make a key worthless. Asked twice it answers the same.
-- write
-- system
update api_key
   set revoked_at = coalesce(revoked_at, now())
 where id = :id
returning id, revoked_at as revoked_us
