-- A page of businesses.
-- read
-- system
select id, name, dedupe, timezone, created_at as created_us
  from business
 where id > coalesce(:after, 0)
 order by id
 limit :limit
