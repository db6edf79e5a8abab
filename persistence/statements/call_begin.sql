-- A stream of a call has begun. The same stream told twice is the same epoch; a newer one the next.
-- write
with party as (
	insert into lead as l (business_id, phone, created_us, seen_us)
	select :business, p.phone, :start_us, :start_us
	  from (select case :direction::integer when 0 then :from else :to end as phone) p
	 where p.phone is not null
	    on conflict (business_id, phone) do update
	   set seen_us = greatest(l.seen_us, excluded.seen_us)
	returning id
)
insert into call as c (business_id, sid, account, connector_id, direction, state, epoch, stream, desk, node,
                       party_from, party_to, lead_id, start_us)
values (:business, :call, :account, :connector, :direction, 1, 1, :stream, :desk, :node, :from, :to,
        (select id from party), :start_us)
    on conflict (business_id, sid) do update
   set epoch = c.epoch + (c.stream <> excluded.stream)::integer,
       state = case when c.stream <> excluded.stream or c.state = 0 then 1 else c.state end,
       cause = case when c.stream <> excluded.stream then 0 else c.cause end,
       end_us = case when c.stream <> excluded.stream then null else c.end_us end,
       stream = excluded.stream, desk = excluded.desk, node = excluded.node,
       account = excluded.account, party_from = coalesce(excluded.party_from, c.party_from),
       party_to = coalesce(excluded.party_to, c.party_to), lead_id = coalesce(excluded.lead_id, c.lead_id)
returning c.id, c.epoch, c.lead_id as lead
