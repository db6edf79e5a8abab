-- Close a connector: nobody comes in by it any more, and its carrier's account is free. Its secret goes.
-- Asked twice it answers the same.
-- write
-- system
with was as materialized (
	select id, business_id, kind, closed_at
	  from connector
	 where id = :id
	   for update
), gone as (
	update connector c
	   set closed_at = now(), secret = repeat('-', 32)
	  from was
	 where c.id = was.id
	   and was.closed_at is null
	returning c.id, c.closed_at
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select business_id, :principal, :asker, :trace, 'connector.remove', 'connector ' || id,
	       jsonb_build_object('kind', kind)
	  from was
	 where closed_at is null
)
select was.id, was.business_id as business, coalesce(was.closed_at, gone.closed_at) as closed_us
  from was
  left join gone using (id)
