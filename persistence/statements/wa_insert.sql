-- Messages with the verdicts of layers 2 and 3; layer 1 is decided here, by the unique index.
--
--     asked ─▶ fine ─────▶ plan ─┬─▶ put     new rows
--       (lease held)  (twins     ├─▶ up      placeholders that became content
--                      found)    └─▶ copied  new rows that repeat one of `put` or `up`
--
-- What a concurrent statement has inserted meanwhile is not seen by `plan`; the index refuses it then
-- and the outcome is `again`: asked once more, it is seen. Numbers are those of wa.outcome, wa.class,
-- wa.kind in proto/schema/wa.msg.
-- write
-- bulk rows
with asked as materialized (
	select *
	  from unnest(:ord, :lease, :epoch, :number, :connector, :rows.provider_id, :rows.chat,
	              :rows.sender, :rows.from_me, :rows.kind, :rows.class, :rows.source, :rows.t_us,
	              :rows.t_guessed, :rows.reply_to, :rows.body, :rows.fingerprint, :rows.body_print,
	              :rows.media_sha, :rows.target, :rows.status, :rows.push_name, :rows.remote_jid,
	              :rows.chat_lid, :rows.sender_lid, :rows.raw::text[], :rows.place, :rows.layer,
	              :rows.dup_of, :rows.dup_in, :rows.acted_us)
	    as t (ord, lease, epoch, number, connector, provider_id, chat,
	          sender, from_me, kind, class, source, t_us,
	          t_guessed, reply_to, body, fingerprint, body_print,
	          media_sha, target, status, push_name, remote_jid,
	          chat_lid, sender_lid, raw, place, layer,
	          dup_of, dup_in, acted_us)
), held as materialized (
	select name, epoch from lease
	 where name in (select lease from asked)
	 order by name
	   for key share
), fine as materialized (
	-- Asks of several partitions may be merged here and hold one id twice: one at a time.
	select a.*, case when a.provider_id is null then 1
	            else row_number() over (partition by a.provider_id collate "C" order by a.ord) end as turn
	  from asked a
	  join held h on (h.name, h.epoch) = (a.lease, a.epoch)
), plan as materialized (
	-- An aggregate in a lateral looks ids up one by one, and joins nothing to nothing: the planner
	-- cannot know how many rows an array holds, and would nest loops over all pairs of them.
	-- On a small table all its indices look alike; ordered by what only the right one has, it is
	-- the one that needs no sort.
	select a.*, k.twin, k.twin_at, coalesce(k.next, 0) as collision_no, w.want,
	       case when w.want in (1, 5) then nextval('wa_message_id') end as id
	  from (select * from fine order by ord) a
	 cross join lateral (
		select min(m.id) filter (where m.same) as twin, min(m.at) filter (where m.same) as twin_at,
		       min(m.class) filter (where m.same) as twin_class, max(m.collision_no) + 1 as next
		  from (select m.id, m.ctid as at, m.class, m.collision_no,
		               coalesce((select pn from wa_alias
		                          where business_id = :business and lid = m.chat and lid <> a.chat),
		                        m.chat) in (a.chat, coalesce(a.chat_lid, ''))
		               and coalesce((select pn from wa_alias
		                              where business_id = :business and lid = m.sender
		                                and lid <> a.sender),
		                            m.sender) in (a.sender, coalesce(a.sender_lid, '')) as same
		          from wa_message m
		         where m.business_id = :business
		           and m.provider_id = a.provider_id
		         order by m.collision_no
		        offset 0) m) k
	 cross join lateral (
		select case when a.class = 3 then 6
		            when a.turn > 1 then 0
		            when k.next is null then 1
		            when k.twin is null then 5
		            when k.twin_class = 2 and a.class < 2 then 4
		            else 2 end as want
		offset 0) w
), put as (
	insert into wa_message (business_id, id, connector_id, provider_id, collision_no, kind, class,
	                        source, layer, from_me, t_guessed, t_us, stored_us, dup_of, chat, sender,
	                        remote_jid, reply_to, target, push_name, fingerprint, body_print,
	                        media_sha, body, raw)
	select :business, id, connector, provider_id, collision_no, kind, class, source,
	       coalesce(layer, 0), from_me, t_guessed, t_us, :now_us, dup_of, chat, sender, remote_jid,
	       reply_to, target, push_name, fingerprint, body_print, media_sha, body, raw
	  from plan
	 where id is not null and dup_in is null
	 order by provider_id collate "C"
	    on conflict (business_id, provider_id, collision_no) do nothing
	returning id
), up as (
	update wa_message m
	   set kind = p.kind, class = p.class, source = p.source, layer = coalesce(p.layer, 0),
	       dup_of = p.dup_of, t_us = case when p.t_guessed then m.t_us else p.t_us end,
	       t_guessed = p.t_guessed and m.t_guessed,
	       reply_to = p.reply_to, target = p.target, push_name = coalesce(p.push_name, m.push_name),
	       fingerprint = p.fingerprint, body_print = p.body_print, media_sha = p.media_sha,
	       body = p.body, raw = p.raw
	  from (select * from plan where want = 4 and dup_in is null order by twin) p
	 where m.business_id = :business
	   and m.ctid = any (array(select twin_at from plan where want = 4)) -- as it was seen above
	   and m.id = p.twin
	   and m.class = 2
	returning m.id
), copied as (
	insert into wa_message (business_id, id, connector_id, provider_id, collision_no, kind, class,
	                        source, layer, from_me, t_guessed, t_us, stored_us, dup_of, chat, sender,
	                        remote_jid, reply_to, target, push_name, fingerprint, body_print,
	                        media_sha, body, raw)
	select :business, d.id, d.connector, d.provider_id, d.collision_no, d.kind, d.class, d.source,
	       d.layer, d.from_me, d.t_guessed, d.t_us, :now_us, coalesce(b.id, b.twin), d.chat, d.sender,
	       d.remote_jid, d.reply_to, d.target, d.push_name, d.fingerprint, d.body_print,
	       d.media_sha, d.body, d.raw
	  from plan d
	  join plan b on (b.lease, b.number, b.place) = (d.lease, d.number, d.dup_in)
	 where d.dup_in is not null and d.id is not null
	   and (b.id in (select id from put) or (b.want = 4 and b.twin in (select id from up)))
	 order by d.provider_id collate "C"
	    on conflict (business_id, provider_id, collision_no) do nothing
	returning id
), acts as materialized (
	select chat, target, kind as slot, case when kind = 40 then '' else sender end as sender,
	       coalesce(acted_us, t_us) as acted_us, coalesce(status, 0) as status, body, ord
	  from plan
	 where target is not null and kind in (32, 33, 34, 35, 40) and want <> 0
	union all
	select chat, provider_id, 40, '', t_us, status, null, ord
	  from plan
	 where class = 0 and from_me and status > 0 and provider_id is not null and want <> 0
), acted as (
	insert into wa_act as o (business_id, chat, target, slot, sender, acted_us, status, body)
	select distinct on (chat, target, slot, sender)
	       :business, chat, target, slot, sender, acted_us, status, body
	  from acts
	 order by chat, target, slot, sender, status desc, acted_us desc, ord desc
	    on conflict (business_id, chat, target, slot, sender) do update
	   set acted_us = excluded.acted_us, status = excluded.status, body = excluded.body
	 where case when o.slot = 40 then excluded.status > o.status
	            else excluded.acted_us >= o.acted_us end
), pairs as materialized (
	select chat_lid as lid, chat as pn from fine where chat_lid is not null
	union
	select sender_lid, sender from fine where sender_lid is not null
), learned as (
	insert into wa_alias as o (business_id, lid, pn)
	select distinct on (p.lid) :business, p.lid, p.pn
	  from pairs p
	 where p.pn is distinct from (select k.pn from wa_alias k
	                               where k.business_id = :business and k.lid = p.lid)
	 order by p.lid, p.pn
	    on conflict (business_id, lid) do update set pn = excluded.pn
)
select a.ord,
       case when p.want in (2, 6) then p.want
            when p.want = 4 and p.twin not in (select id from up) then 0
            when p.want in (1, 5) and p.id not in (select id from put)
             and p.id not in (select id from copied) then 0
            when p.want = 0 then 0
            when p.layer > 0 then 3
            else p.want end as outcome,
       coalesce(p.twin, p.id, 0) as id,
       case when p.ord is null then 17 end as err
  from asked a
  left join plan p using (ord)
 order by a.ord
