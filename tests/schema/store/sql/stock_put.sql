-- Store rows; those whose lease has moved on are refused as a whole.
-- write
-- bulk rows
with asked as (
	select * from unnest(:ord, :rows.key, :rows.n, :rows.note, :lease, :epoch, :rows.more)
	         as t (ord, key, n, note, lease, epoch, more)
), held as materialized (
	select name, epoch from lease
	 where name in (select lease from asked)
	 order by name for key share
), fit as (
	select asked.*, asked.lease is null or held.name is not null as ok
	  from asked left join held on (held.name, held.epoch) = (asked.lease, asked.epoch)
), put as ( -- asks of one turn may name the same key: the first is stored
	insert into thing (business_id, key, n, note)
	select distinct on (key) :business, key, n, coalesce(note, more ->> 'note') from fit where ok order by key, ord
	    on conflict do nothing
	returning key, id
)
select ord, coalesce(id, 0) as id,
       id is not null and ord = min(ord) filter (where ok) over (partition by key) as fresh,
       case when not ok then 17 end as err
  from fit left join put using (key)
