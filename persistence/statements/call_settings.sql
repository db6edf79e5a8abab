-- How calls of this connector are to be held; all null when nobody ever said.
-- read
select s.instructions, s.greeting, s.voice, s.model, s.turn_ends, s.tools, s.transfer_to, s.overflow_to,
       s.apology, s.longest_s, s.idle_s, s.most, s.record
  from (select 1) one
  left join call_settings s on s.business_id = :business and s.connector_id = :connector
