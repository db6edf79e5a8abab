-- Calls: how each connector wants them held, who calls, one row per call, and what happened in it.

create sequence lead_id cache 1;
create sequence call_id cache 1;
grant usage on sequence lead_id, call_id to switchboard_app;

-- What calls of one connector are to be like; columns that are null are given by default.
create table call_settings (
	business_id  bigint not null default current_business() references business,
	connector_id bigint not null,
	instructions text,
	greeting     text,
	voice        text,
	model        text,
	turn_ends    smallint,           -- call.turn_ends
	tools        jsonb,
	transfer_to  text,
	overflow_to  text,
	apology      text,
	longest_s    integer,
	idle_s       integer,
	most         integer,            -- live calls at once
	record       boolean,
	primary key (business_id, connector_id)
);
call tenant_table('call_settings');
grant select, insert, update on call_settings to switchboard_app;

-- Somebody who may become a customer: known by the address they reached us from.
create table lead (
	business_id bigint not null default current_business() references business,
	id          bigint not null default nextval('lead_id'),
	phone       text,
	name        text,
	email       text,
	notes       text not null default '', -- the newest last
	created_us  bigint not null,
	seen_us     bigint not null,     -- last heard of
	primary key (business_id, id),
	unique (business_id, phone)
);
call tenant_table('lead');
grant select, insert, update on lead to switchboard_app;

-- A call, whichever of webhook, stream and callback told of it first.
create table call (
	business_id  bigint not null default current_business() references business,
	id           bigint not null default nextval('call_id'),
	sid          text not null,      -- the carrier's id
	account      text not null default '',
	connector_id bigint not null,
	direction    smallint not null,  -- call.direction
	state        smallint not null,  -- call.state
	cause        smallint not null default 0, -- call.cause
	epoch        bigint not null default 0,   -- rises with each stream of this call
	stream       text not null default '',    -- the live stream
	desk         text not null default '',    -- lease of the node that holds it
	node         text not null default '',
	party_from   text,
	party_to     text,
	lead_id      bigint,
	start_us     bigint not null,
	end_us       bigint,
	carrier_seq  integer not null default -1, -- of the newest status callback
	carrier      text,               -- its status, in the carrier's word
	played_ms    bigint not null default 0,
	barge_ins    integer not null default 0,
	dropped      bigint not null default 0,
	counts       jsonb,              -- as call.finish told them
	primary key (business_id, id),
	unique (business_id, sid)
);
create index on call (business_id, start_us, id);
-- Those not over: few, whatever the table has grown to.
create index on call (business_id, id) where state < 2;
create index on call (desk) where state < 2;
call tenant_table('call');
create policy sweep on call to switchboard_system using (true) with check (true);
grant select, insert, update on call to switchboard_app;
grant select (business_id, id, state, desk, start_us), update (state, cause, end_us)
	on call to switchboard_system;

create table call_event (
	business_id bigint not null default current_business() references business,
	sid         text not null,
	epoch       bigint not null,     -- 0: the carrier's callbacks
	seq         integer not null,
	at_us       bigint not null,
	kind        smallint not null,   -- call.happening
	ms          bigint,
	text        text,
	data        jsonb,
	primary key (business_id, sid, epoch, seq)
);
call tenant_table('call_event');
grant select, insert on call_event to switchboard_app;
