-- Calls of desks whose lease ran out are lost: their node died. Ten seconds' grace for the lease itself.
-- write
-- system
with gone as (
	update call c
	   set state = 2, cause = 12, end_us = :now_us
	 where c.state < 2 and c.desk <> '' and c.start_us < :now_us - 10000000
	   and not exists (select from lease l where l.name = c.desk and l.until >= clock_timestamp())
	returning c.id
)
select count(*) as rows from gone
