-- Give a lease back. Nobody owns it then, so that the next to take it raises the epoch.
-- write
-- system
-- timeout 2s
-- none STALE
update lease
   set owner = '', until = '-infinity'
 where name = :name
   and owner = :owner
   and epoch = :epoch
returning epoch
