-- Add a key to a business that exists.
-- write
-- system
insert into api_key (business_id, prefix, hash, scopes, label)
select id, :prefix, :hash, :scopes, coalesce(:label, '')
  from business
 where name = :name
returning id, business_id as business
