-- The accepted rows of some stretches of conversations: what layers 2 and 3 compare with. History stays
-- out; events come without a fingerprint (policy literal counts them). A conversation goes by all
-- addresses of its partner, a sender by the phone's as soon as any message has shown both.
-- read
select s.ord - 1 as span, m.id, m.t_us, coalesce(n.pn, a.pn, m.sender) as sender, m.from_me and m.class <> 1 as own,
       case when m.class = 0 then m.fingerprint end as fingerprint,
       case when m.class = 0 then m.body_print end as body_print, m.remote_jid
  from unnest(:spans.chat, :spans.lid, :spans.from_us, :spans.to_us)
       with ordinality as s (chat, lid, from_us, to_us, ord)
 cross join lateral (
	select m.id, m.t_us, m.sender, m.from_me, m.class, m.fingerprint, m.body_print, m.remote_jid
	  from wa_message m
	 where m.business_id = :business
	   and m.chat = any (array(select s.chat
	                            union all
	                           select s.lid where s.lid is not null
	                            union all
	                           select k.lid from wa_alias k
	                            where k.business_id = :business and k.pn = s.chat))
	   and m.t_us between s.from_us and s.to_us
	   and m.layer = 0 and m.source <> 2
	 order by m.t_us, m.id
	 limit :most) m
  left join wa_alias a on a.business_id = :business and a.lid = m.sender
  left join unnest(:lids, :pns) as n (lid, pn) on n.lid = m.sender
 order by s.ord, m.t_us, m.id
