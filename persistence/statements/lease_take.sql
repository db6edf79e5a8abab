-- Take a lease that is free, expired or already the asker's.
-- write
-- system
-- timeout 2s
-- none CONFLICT
insert into lease as l (name, owner, epoch, until)
values (:name, :owner, 1, clock_timestamp() + :ttl_ms * interval '1 ms')
    on conflict (name) do update
   set owner = excluded.owner,
       epoch = l.epoch + (l.owner <> excluded.owner)::int,
       until = excluded.until
 where l.owner = excluded.owner
    or l.until < clock_timestamp()
returning epoch
