-- One business, by id or by name.
-- read
-- system
select id, name, dedupe, timezone, created_at as created_us, false as fresh
  from business
 where (id = :id or :id is null)
   and (name = :name or :name is null)
   and (:id is not null or :name is not null)
