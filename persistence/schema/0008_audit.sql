-- The audit trail becomes a chain for each business, and one, 0, for what is nobody's: each row has a number
-- and a hash over the hash before it and all that the row says. Who changes, removes or inserts a row behind
-- the back leaves a chain that does not fit (switchboard audit verify).

alter table audit add column asker text not null default '';
alter table audit add column trace bytea check (octet_length(trace) = 16);
alter table audit add column once bytea check (octet_length(once) = 16);
alter table audit add column seq bigint;
alter table audit add column hash bytea;
-- What is noted before it is done may be brought twice: once is enough.
create unique index on audit (once) where once is not null;

-- The end of each chain: without it the last rows could be taken away unseen. Nobody writes it but the
-- trigger, which runs as the owner; its row's lock is what makes writers take turns, until they commit.
create table audit_head (
	chain bigint primary key,        -- a business, or 0
	seq   bigint not null,
	hash  bytea not null
);
grant select on audit_head to switchboard_system;

-- What is hashed: the texts, each as LENGTH:TEXT, so that none can reach into the next.
create function audit_hash(variadic texts text[]) returns bytea
	language sql immutable parallel safe
	as $$ select sha256(convert_to(string_agg(octet_length(convert_to(t, 'UTF8')) || ':' || t || ',', '' order by n), 'UTF8'))
	        from unnest(texts) with ordinality u (t, n) $$;

create function audit_hash_of(before bytea, a audit) returns bytea
	language sql stable
	as $$ select audit_hash(coalesce(encode(before, 'hex'), ''), coalesce(a.business_id, 0)::text, a.seq::text, a.id::text,
	                        (extract(epoch from a.at) * 1000000)::bigint::text, coalesce(a.principal, 0)::text,
	                        a.asker, coalesce(encode(a.trace, 'hex'), ''), a.action, a.subject,
	                        coalesce(a.detail::text, '')) $$;

create function audit_chain() returns trigger
	language plpgsql security definer set search_path = switchboard, pg_temp
	as $$
declare
	head audit_head;
begin
	-- The first of a chain and its twin at the same moment: the second waits here, and is number two.
	insert into audit_head as h (chain, seq, hash) values (coalesce(new.business_id, 0), 1, '')
	    on conflict (chain) do update set seq = h.seq + 1
	returning * into head;
	new.at := clock_timestamp();
	new.seq := head.seq;
	new.hash := audit_hash_of(nullif(head.hash, ''), new);
	update audit_head h set hash = new.hash where h.chain = head.chain;
	return new;
end $$;

-- Rows older than the chain are taken into it as they stand.
alter table audit disable trigger append_only;
alter table audit no force row level security;
do $$
declare
	old audit;
	head audit_head;
begin
	for old in select * from audit order by id loop
		insert into audit_head as h (chain, seq, hash) values (coalesce(old.business_id, 0), 1, '')
		    on conflict (chain) do update set seq = h.seq + 1
		returning * into head;
		old.seq := head.seq;
		old.hash := audit_hash_of(nullif(head.hash, ''), old);
		update audit a set seq = old.seq, hash = old.hash where a.id = old.id;
		update audit_head h set hash = old.hash where h.chain = head.chain;
	end loop;
end $$;
alter table audit force row level security;
alter table audit enable trigger append_only;

alter table audit alter seq set not null;
alter table audit alter hash set not null;
create unique index on audit ((coalesce(business_id, 0)), seq);
create trigger chain before insert on audit for each row execute function audit_chain();

-- Behind a dropped right of everybody's: the functions are the trigger's and the owner's.
revoke execute on function audit_chain() from public;
