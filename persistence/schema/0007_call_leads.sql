-- The calls with a lead, newest first: counted on its page, and listed.
create index on call (business_id, lead_id, start_us, id);
