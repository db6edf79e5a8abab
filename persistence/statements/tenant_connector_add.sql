-- Add a connector, and its business when the name is new. Its secret comes sealed: neither the store nor
-- the database could open it.
-- write
-- system
with owner as (
	insert into business (name) values (:name)
	    on conflict (name) do update set name = excluded.name
	returning id
)
insert into connector (business_id, kind, label, secret, account)
select id, :kind::text, coalesce(:label, ''), :secret, :account
  from owner
returning id, business_id as business, secret
