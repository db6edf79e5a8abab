-- The directory: who uses the system, what connects them, which key opens what; leases; the audit trail.

-- The tenant of the running transaction. A setting that was once set and then reset reads as '',
-- not as NULL, hence nullif.
create function current_business() returns bigint
	language sql stable parallel safe
	as $$ select nullif(current_setting('app.business', true), '')::bigint $$;

-- What every table with a business_id gets.
create procedure tenant_table(target regclass)
	language plpgsql
	as $$
begin
	execute format('alter table %s enable row level security', target);
	execute format('alter table %s force row level security', target);
	execute format('create policy tenant on %s to switchboard_app
	                using (business_id = current_business())
	                with check (business_id = current_business())', target);
end $$;

create table business (
	id         bigint generated always as identity primary key,
	name       text not null unique check (length(name) between 1 and 200),
	dedupe     text not null default 'suppress' check (dedupe in ('suppress', 'literal', 'off')),
	timezone   text not null default 'UTC',
	created_at timestamptz not null default now()
);
alter table business enable row level security;
alter table business force row level security;
create policy tenant on business to switchboard_app
	using (id = current_business()) with check (id = current_business());
create policy directory on business to switchboard_system using (true) with check (true);
grant select on business to switchboard_app;
grant select, insert, update on business to switchboard_system;

-- The secret stands as it is: an HMAC is computed with it. Only the system role may read it.
create table connector (
	id          bigint generated always as identity primary key,
	business_id bigint not null default current_business() references business,
	kind        text not null check (kind in ('baileys', 'cloud')),
	label       text not null default '',
	secret      text not null check (length(secret) >= 32),
	created_at  timestamptz not null default now(),
	closed_at   timestamptz
);
create index on connector (business_id, id);
call tenant_table('connector');
create policy directory on connector to switchboard_system using (true) with check (true);
grant select (id, business_id, kind, label, created_at, closed_at) on connector to switchboard_app;
grant select, insert, update on connector to switchboard_system;

create table api_key (
	id          bigint generated always as identity primary key,
	business_id bigint not null default current_business() references business,
	prefix      text not null,
	hash        bytea not null unique check (length(hash) = 32),
	label       text not null default '',
	scopes      text[] not null,
	created_at  timestamptz not null default now(),
	revoked_at  timestamptz
);
create index on api_key (business_id, id);
call tenant_table('api_key');
create policy directory on api_key to switchboard_system using (true) with check (true);
grant select (id, business_id, prefix, label, scopes, created_at, revoked_at)
	on api_key to switchboard_app;
grant select, insert, update on api_key to switchboard_system;

-- Who owns what must be exclusive. The clock is the database's alone. The app role may lock a row
-- (FOR SHARE asks for the right to update some column: `guard`) and so fence its writes, no more.
create table lease (
	name  text primary key,
	owner text not null,
	epoch bigint not null,
	until timestamptz not null,
	guard boolean not null default false
);
grant select, update (guard) on lease to switchboard_app;
grant select, insert, update on lease to switchboard_system;

-- What was done, by whom. Written, never changed: no role but the owner may, and it is refused too.
create table audit (
	id          bigint generated always as identity primary key,
	business_id bigint default current_business() references business,
	at          timestamptz not null default clock_timestamp(),
	principal   bigint,
	action      text not null,
	subject     text not null default '',
	detail      jsonb
);
create index on audit (business_id, id);
call tenant_table('audit');
create policy directory on audit to switchboard_system using (true) with check (true);
grant select, insert on audit to switchboard_app, switchboard_system;

create function audit_refuse() returns trigger
	language plpgsql
	as $$
begin
	raise exception 'the audit trail is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger append_only before update or delete or truncate on audit
	for each statement execute function audit_refuse();
