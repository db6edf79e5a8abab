-- The accepted rows of some stretches of conversations: what layers 2 and 3 compare with. History stays
-- out; events come without a fingerprint (policy literal counts them). A conversation goes by all
-- addresses of its partner, a sender by the phone's as soon as any message has shown both.
-- read
select s.ord - 1 as span, m.id, m.t_us,
       case when m.sender like '%@lid'
            then coalesce((select n.pn from unnest(:lids, :pns) as n (lid, pn)
                            where n.lid = m.sender limit 1),
                          (select a.pn from wa_alias a
                            where a.business_id = :business and a.lid = m.sender), m.sender)
            else m.sender end as sender, m.from_me and m.class <> 1 as own,
       case when m.class = 0 then m.fingerprint end as fingerprint,
       case when m.class = 0 then m.body_print end as body_print, m.remote_jid
  from unnest(:spans.chat, :spans.lid, :spans.from_us, :spans.to_us)
       with ordinality as s (chat, lid, from_us, to_us, ord)
 cross join lateral (
	select m.*
	  from (select s.chat as address
	         union all
	        select s.lid where s.lid is not null
	         union all
	        select k.lid from wa_alias k
	         where k.business_id = :business and k.pn = s.chat
	           and k.lid is distinct from s.lid) d
	 cross join lateral (
		-- One address at a time, as the bounds of a row: equal to it, the planner would know
		-- that order by time alone suffices, and may walk all chats in that order.
		select m.id, m.t_us, m.sender, m.from_me, m.class, m.fingerprint, m.body_print,
		       m.remote_jid
		  from wa_message m
		 where m.business_id = :business
		   and (m.chat, m.t_us) >= (d.address, s.from_us)
		   and (m.chat, m.t_us) <= (d.address, s.to_us)
		   and m.layer = 0 and m.source <> 2
		 order by m.chat, m.t_us, m.id
		 limit :most) m
	 order by m.t_us, m.id
	 limit :most) m
 order by s.ord, m.t_us, m.id
