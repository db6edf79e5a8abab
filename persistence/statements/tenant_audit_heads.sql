-- The ends of all trails: what was written last, and how many rows of each stand in the table.
-- read
-- system
with trail as (
	select coalesce(business_id, 0) as id, count(*) as rows from audit group by 1
)
select id, coalesce(h.seq, 0) as seq, encode(h.hash, 'hex') as hash, coalesce(t.rows, 0) as rows, b.name
  from trail t
  full join (select chain as id, seq, hash from audit_head) h using (id)
  left join business b using (id)
 where id >= :from
 order by id
 limit :limit
