-- Hold a lease for longer. One that ran out but was taken by nobody is still the asker's.
-- write
-- system
-- timeout 2s
-- none STALE
update lease
   set until = clock_timestamp() + :ttl_ms * interval '1 ms'
 where name = :name
   and owner = :owner
   and epoch = :epoch
returning epoch
