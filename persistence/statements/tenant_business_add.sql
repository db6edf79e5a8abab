-- Add a business, or find it: the name decides. The empty update makes a twin's row come back.
-- write
-- system
with added as (
	insert into business (name, dedupe, timezone)
	values (:name, :dedupe::text, coalesce(:timezone, 'UTC'))
	    on conflict (name) do update set name = excluded.name
	returning id, name, dedupe, timezone, created_at, xmax = 0 as fresh
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select id, :principal, :asker, :trace, 'business.add', 'business ' || id,
	       jsonb_build_object('name', name, 'dedupe', dedupe, 'timezone', timezone)
	  from added
	 where fresh
)
select id, name, dedupe, timezone, created_at as created_us, fresh
  from added
