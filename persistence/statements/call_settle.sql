-- Set how calls of a connector are to be held: all of it, what is left out goes back to the default. The
-- trail has the names of what changed, not what it says: tools may hold secrets of theirs.
-- write
with was as materialized (
	select * from call_settings where business_id = :business and connector_id = :connector for update
), put as (
	insert into call_settings as s (business_id, connector_id, instructions, greeting, voice, model, turn_ends,
	                                tools, transfer_to, overflow_to, apology, longest_s, idle_s, most, record)
	select :business, c.id, :instructions, :greeting, :voice, :model, :turn_ends, :tools, :transfer_to,
	       :overflow_to, :apology, :longest_s::integer, :idle_s::integer, :most::integer, :record
	  from connector c
	 where c.business_id = :business and c.id = :connector and c.closed_at is null
	   and (select count(*) from was) >= 0 -- first what stands, locked: then what comes
	    on conflict (business_id, connector_id) do update
	   set instructions = excluded.instructions, greeting = excluded.greeting, voice = excluded.voice,
	       model = excluded.model, turn_ends = excluded.turn_ends, tools = excluded.tools,
	       transfer_to = excluded.transfer_to, overflow_to = excluded.overflow_to, apology = excluded.apology,
	       longest_s = excluded.longest_s, idle_s = excluded.idle_s, most = excluded.most,
	       record = excluded.record
	returning s.*
), changed as (
	select jsonb_agg(n.key order by n.key) as names
	  from put
	  left join was on true,
	       jsonb_each(to_jsonb(put)) n
	 where n.key not in ('business_id', 'connector_id')
	   and n.value is distinct from coalesce(to_jsonb(was) -> n.key, 'null'::jsonb)
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select :business, :principal, :asker, :trace, 'call.settings', 'connector ' || :connector,
	       jsonb_build_object('changed', names)
	  from changed
	 where names is not null
)
select connector_id as connector
  from put
