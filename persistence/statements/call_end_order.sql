-- Somebody wants a call ended: that is noted before anybody is told, if it is not over.
-- write
with asked as (
	select id, sid, state
	  from call
	 where business_id = :business
	   and id = :id
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select :business, :principal, :asker, :trace, 'call.hangup', 'call ' || id, jsonb_build_object('call', sid)
	  from asked
	 where state < 2 -- call.state: ended and what comes after
)
select id, sid as call, state
  from asked
