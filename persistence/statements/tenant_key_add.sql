-- Add a key to a business that exists.
-- write
-- system
with added as (
	insert into api_key (business_id, prefix, hash, scopes, label)
	select id, :prefix, :hash, :scopes, coalesce(:label, '')
	  from business
	 where name = :name
	returning id, business_id, prefix, scopes, label
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select business_id, :principal, :asker, :trace, 'key.add', 'key ' || id,
	       jsonb_strip_nulls(jsonb_build_object('prefix', prefix, 'scopes', scopes, 'label', nullif(label, '')))
	  from added
)
select id, business_id as business
  from added
