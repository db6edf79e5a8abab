-- The same secret, sealed anew; whoever was quicker wins.
-- write
-- system
-- none CONFLICT
update connector
   set secret = :new
 where id = :id
   and secret = :old
returning id
