-- A call is known before its stream: it was dialled by us, or the carrier was told to open one.
-- write
insert into call as c (business_id, sid, account, connector_id, direction, state, desk, node, party_from,
                       party_to, start_us)
values (:business, :call, :account, :connector, :direction, :state, coalesce(:desk, ''), :node, :from, :to, :start_us)
    on conflict (business_id, sid) do update set account = excluded.account
returning c.id
