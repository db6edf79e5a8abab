-- write
insert into thing (key, n) values (:key, :n) returning id, business_id as business
