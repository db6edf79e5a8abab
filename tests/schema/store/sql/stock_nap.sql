-- write
-- timeout 300ms
select 1 as id, current_business() as business from pg_sleep(:ms / 1000.0)
