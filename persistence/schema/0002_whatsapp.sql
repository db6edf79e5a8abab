-- WhatsApp: messages as they came, what acts on them, who goes by two addresses, and quarantine.
-- Every key starts with the business, so each table can be partitioned or sharded by it.

create sequence wa_message_id cache 1;
grant usage on sequence wa_message_id to switchboard_app;

create table wa_message (
	business_id  bigint not null default current_business() references business,
	id           bigint not null default nextval('wa_message_id'),
	connector_id bigint not null,
	provider_id  text,               -- chosen by the sending client; null: the bridge gave none
	collision_no integer not null default 0, -- 1 and up: another sender's row has the same id
	kind         smallint not null,  -- wa.kind
	class        smallint not null,  -- wa.class
	source       smallint not null,  -- wa.source
	layer        smallint not null default 0, -- 2, 3: hidden, repeats dup_of
	from_me      boolean not null,
	t_guessed    boolean not null,   -- t_us is the time of receipt
	t_us         bigint not null,    -- event time, us since the epoch
	stored_us    bigint not null,
	dup_of       bigint,
	released_us  bigint,             -- hidden until then
	chat         text not null,
	sender       text not null,
	remote_jid   text not null,
	reply_to     text,
	target       text,
	push_name    text,
	fingerprint  bytea,
	body_print   bytea,
	media_sha    bytea,
	body         text,
	raw          text not null,      -- JSON, byte for byte
	primary key (business_id, id)
);
-- Layer 1. Nulls are distinct: without an id there is no layer 1.
create unique index on wa_message (business_id, provider_id, collision_no);
-- Cold conversations, and the messages of one.
create index on wa_message (business_id, chat, t_us, id);
-- All messages by time, with a keyset cursor.
create index on wa_message (business_id, t_us, id);
call tenant_table('wa_message');
grant select, insert, update on wa_message to switchboard_app;

-- What acts on a message, by the id it names: it may come before its target and waits here. One row
-- for each that the latest replaces.
create table wa_act (
	business_id bigint not null default current_business() references business,
	chat        text not null,
	target      text not null,
	slot        smallint not null,   -- wa.kind: reaction, vote, edit, revoke, status
	sender      text not null,       -- '' for a status: there is one for all
	acted_us    bigint not null,     -- by the sender's clock
	status      smallint not null default 0,
	body        text,
	primary key (business_id, chat, target, slot, sender)
);
call tenant_table('wa_act');
grant select, insert, update on wa_act to switchboard_app;

-- One person, two addresses.
create table wa_alias (
	business_id bigint not null default current_business() references business,
	lid         text not null,
	pn          text not null,
	primary key (business_id, lid)
);
create index on wa_alias (business_id, pn);
call tenant_table('wa_alias');
grant select, insert, update on wa_alias to switchboard_app;

-- What could not be understood, once for the same bytes.
create table wa_quarantine (
	business_id  bigint not null default current_business() references business,
	print        bytea not null,
	connector_id bigint not null,
	stored_us    bigint not null,
	reason       text not null,
	raw          bytea not null,
	primary key (business_id, print)
);
call tenant_table('wa_quarantine');
grant select, insert on wa_quarantine to switchboard_app;
