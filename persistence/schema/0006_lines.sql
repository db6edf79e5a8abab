-- Telephone lines are connectors too: the carrier names them by its account.
alter table connector add column account text;
alter table connector drop constraint connector_kind_check;
alter table connector add constraint connector_kind_check check (kind in ('baileys', 'cloud', 'twilio'));
alter table connector add constraint connector_account_check check (kind <> 'twilio' or account is not null);
-- One account is one connector's as long as that is open: so a webhook of it is one business's.
create unique index on connector (account) where closed_at is null and account is not null;
grant select (account) on connector to switchboard_app;
