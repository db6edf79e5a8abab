-- read
-- system
-- none GONE
select :key::uuid as key
