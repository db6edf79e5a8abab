-- write
insert into thing (key, n) select :key, 0 where raise_state(:state) returning id, business_id as business
