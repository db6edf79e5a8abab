-- Make a key worthless. Asked twice it answers the same.
-- write
-- system
with was as materialized (
	select id, business_id, prefix, revoked_at
	  from api_key
	 where id = :id
	   for update
), gone as (
	update api_key k
	   set revoked_at = now()
	  from was
	 where k.id = was.id
	   and was.revoked_at is null
	returning k.id, k.revoked_at
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select business_id, :principal, :asker, :trace, 'key.revoke', 'key ' || id, jsonb_build_object('prefix', prefix)
	  from was
	 where revoked_at is null
)
select was.id, coalesce(was.revoked_at, gone.revoked_at) as revoked_us
  from was
  left join gone using (id)
