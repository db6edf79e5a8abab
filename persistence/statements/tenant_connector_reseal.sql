-- Another sealed text in the place of a secret's: the same secret under another key, or a new one. Whoever
-- was quicker wins.
-- write
-- system
-- none CONFLICT
with changed as (
	update connector
	   set secret = :new
	 where id = :id
	   and secret = :old
	returning id, business_id
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select business_id, :principal, :asker, :trace,
	       case when :rotated then 'connector.rotate' else 'connector.reseal' end, 'connector ' || id, null
	  from changed
)
select id
  from changed
