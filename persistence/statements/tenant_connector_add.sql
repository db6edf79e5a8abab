-- Add a connector, and its business when the name is new. Its secret comes sealed: neither the store nor
-- the database could open it.
-- write
-- system
with owner as (
	insert into business (name) values (:name)
	    on conflict (name) do update set name = excluded.name
	returning id, name, xmax = 0 as fresh
), added as (
	insert into connector (business_id, kind, label, secret, account)
	select id, :kind::text, coalesce(:label, ''), :secret, :account
	  from owner
	returning id, business_id, kind, label, account, secret
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select id, :principal, :asker, :trace, 'business.add', 'business ' || id, jsonb_build_object('name', name)
	  from owner
	 where fresh
	 union all
	select business_id, :principal, :asker, :trace, 'connector.add', 'connector ' || id,
	       jsonb_strip_nulls(jsonb_build_object('kind', kind, 'label', nullif(label, ''), 'account', account))
	  from added
)
select id, business_id as business, secret
  from added
