-- A page of messages, newest first, with what acted on them. An edit counts when its author is the
-- message's, a revoke also when it comes from another member of a group (an admin; the client checks).
-- read
-- Bounds are never left out but set to the ends of time, so that an index serves them.
with page as materialized (
	(select m.*
	   from wa_message m
	  where :chat::text is null
	    and m.business_id = :business
	    and m.t_us >= coalesce(:from_us, -9223372036854775808)
	    and m.t_us < coalesce(:to_us, 9223372036854775807)
	    and (m.t_us, m.id) < (coalesce(:before_us, 9223372036854775807), coalesce(:before_id, 0))
	    and (:duplicates or m.layer = 0 or m.released_us is not null)
	  order by m.t_us desc, m.id desc
	  limit :limit)
	union all
	(select m.*
	   from wa_message m
	  where :chat::text is not null
	    and m.business_id = :business
	    and m.chat = any (array(
	            select :chat::text
	             union all
	            select k.lid from wa_alias k where k.business_id = :business and k.pn = :chat))
	    and m.t_us >= coalesce(:from_us, -9223372036854775808)
	    and m.t_us < coalesce(:to_us, 9223372036854775807)
	    and (m.t_us, m.id) < (coalesce(:before_us, 9223372036854775807), coalesce(:before_id, 0))
	    and (:duplicates or m.layer = 0 or m.released_us is not null)
	  order by m.t_us desc, m.id desc
	  limit :limit)
)
select m.id, m.provider_id, coalesce(c.pn, m.chat) as chat, coalesce(s.pn, m.sender) as sender,
       m.from_me, m.kind, m.t_us, coalesce(acts.edit, m.body) as body, m.reply_to, m.push_name,
       m.target, acts.status, acts.edited, acts.revoked, acts.reactions, m.layer as dup_layer,
       m.dup_of, m.released_us is not null as released, m.collision_no as collision, m.t_guessed,
       m.media_sha
  from page m
  left join lateral (select pn from wa_alias where business_id = :business and lid = m.chat
                     offset 0) c on true
  left join lateral (select pn from wa_alias where business_id = :business and lid = m.sender
                     offset 0) s on true
 cross join lateral (
	select max(a.status) filter (where a.slot = 40) as status,
	       max(a.body) filter (where a.slot = 34 and a.sender in (m.sender, s.pn)) as edit,
	       coalesce(bool_or(a.slot = 34 and a.sender in (m.sender, s.pn)), false) as edited,
	       coalesce(bool_or(a.slot = 35 and (a.sender in (m.sender, s.pn) or m.chat like '%@g.us')),
	                false) as revoked,
	       jsonb_object_agg(a.sender, a.body) filter (where a.slot = 32 and a.body <> '') as reactions
	  from wa_act a
	 where a.business_id = :business
	   and a.chat in (m.chat, c.pn)
	   and a.target = m.provider_id
	   and m.class <> 1) acts
 order by m.t_us desc, m.id desc
