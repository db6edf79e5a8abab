-- Take a lease that is free, expired or already the asker's. Whose it is already keeps the epoch, and so
-- must not lock it: inserts of the same owner stand beside it in other transactions, which may wait for
-- each other in turn. A node's name is unique on the bus: an owner of the same name, before its last '#',
-- is an earlier life of the asker's, and need not be waited for.
-- write
-- system
-- timeout 2s
-- none CONFLICT
with mine as (
	update lease
	   set until = clock_timestamp() + :ttl_ms * interval '1 ms'
	 where name = :name
	   and owner = :owner
	returning epoch
), taken as (
	insert into lease as l (name, owner, epoch, until)
	select :name, :owner, 1, clock_timestamp() + :ttl_ms * interval '1 ms'
	 where not exists (select from mine)
	    on conflict (name) do update
	   set owner = excluded.owner,
	       epoch = l.epoch + 1,
	       until = excluded.until
	 where l.until < clock_timestamp()
	    or regexp_replace(l.owner, '#[^#]*$', '') = regexp_replace(excluded.owner, '#[^#]*$', '')
	returning epoch
)
select epoch from mine
 union all
select epoch from taken
