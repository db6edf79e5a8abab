-- Add a business, or find it: the name decides. The empty update makes a twin's row come back.
-- write
-- system
insert into business (name, dedupe, timezone)
values (:name, :dedupe::text, coalesce(:timezone, 'UTC'))
    on conflict (name) do update set name = excluded.name
returning id, name, dedupe, timezone, created_at as created_us, xmax = 0 as fresh
