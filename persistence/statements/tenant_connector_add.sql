-- Add a connector, and its business when the name is new. A secret that is not given is drawn here:
-- two random UUIDs, 244 bits from the kernel.
-- write
-- system
with owner as (
	insert into business (name) values (:name)
	    on conflict (name) do update set name = excluded.name
	returning id
)
insert into connector (business_id, kind, label, secret)
select id, :kind::text, coalesce(:label, ''),
       coalesce(:secret, replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''))
  from owner
returning id, business_id as business, secret
