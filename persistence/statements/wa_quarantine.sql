-- Keep what could not be understood; the same bytes once.
-- write
with put as (
	insert into wa_quarantine (business_id, print, connector_id, stored_us, reason, raw)
	select distinct on (print) :business, print, :connector, :now_us, reason, raw
	  from unnest(:reasons, :raws, :prints) as t (reason, raw, print)
	 order by print
	    on conflict do nothing
	returning print
)
select count(*) as rows from put
