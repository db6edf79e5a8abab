-- The plainest bulk statement there is.
-- write
-- bulk rows
with asked as (
	select * from unnest(:ord, :rows.key, :rows.n, :rows.note) as t (ord, key, n, note)
), put as (
	insert into thing (business_id, key, n, note)
	select :business, key, n, note from asked
	    on conflict do nothing
)
select ord, 1::bigint as id, true as fresh from asked
