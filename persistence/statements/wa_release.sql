-- Show a suppressed message after all; twice is the same as once.
-- write
with was as materialized (
	select id, dup_of, chat, layer > 0 and released_us is null as fresh
	  from wa_message
	 where business_id = :business
	   and id = :id
	   for update
), up as (
	update wa_message m
	   set released_us = :now_us
	  from was
	 where m.business_id = :business
	   and m.id = was.id
	   and was.fresh
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select :business, :principal, :asker, :trace, 'message.release', 'message ' || id,
	       jsonb_strip_nulls(jsonb_build_object('dup_of', dup_of))
	  from was
	 where fresh
)
select id, dup_of, fresh, chat
  from was
