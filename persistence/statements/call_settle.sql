-- Set how calls of a connector are to be held: all of it, what is left out goes back to the default.
-- write
insert into call_settings as s (business_id, connector_id, instructions, greeting, voice, model, turn_ends,
                                tools, transfer_to, overflow_to, apology, longest_s, idle_s, most, record)
select :business, c.id, :instructions, :greeting, :voice, :model, :turn_ends, :tools, :transfer_to,
       :overflow_to, :apology, :longest_s::integer, :idle_s::integer, :most::integer, :record
  from connector c
 where c.business_id = :business and c.id = :connector and c.closed_at is null
    on conflict (business_id, connector_id) do update
   set instructions = excluded.instructions, greeting = excluded.greeting, voice = excluded.voice,
       model = excluded.model, turn_ends = excluded.turn_ends, tools = excluded.tools,
       transfer_to = excluded.transfer_to, overflow_to = excluded.overflow_to, apology = excluded.apology,
       longest_s = excluded.longest_s, idle_s = excluded.idle_s, most = excluded.most,
       record = excluded.record
returning s.connector_id as connector
