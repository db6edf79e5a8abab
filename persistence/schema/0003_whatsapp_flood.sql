-- A row of wa_message gets its business from the transaction, which row level security compares with
-- each row: looking the business up once more for each of them cost a seventh of a flood's time.
alter table wa_message drop constraint wa_message_business_id_fkey;

-- A message's acts are looked up by its id; its chat may go by two addresses.
alter table wa_act drop constraint wa_act_pkey;
alter table wa_act add primary key (business_id, target, chat, slot, sender);
