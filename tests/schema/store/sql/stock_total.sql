-- What the system role sees of a tenant's table: it may not even look.
-- read
-- system
select count(*) as n from thing where :unused is null
