-- Events of calls, many calls at once; one told twice is stored once.
-- write
-- bulk notes
with put as (
	insert into call_event (business_id, sid, epoch, seq, at_us, kind, ms, text, data)
	select distinct on (t.sid, t.epoch, t.seq) :business, t.*
	  from (select * from unnest(:call, :epoch, :notes.seq::integer[], :notes.at_us, :notes.kind, :notes.ms,
	                             :notes.text, :notes.data)
	                 as t (sid, epoch, seq, at_us, kind, ms, text, data)) t
	 order by t.sid, t.epoch, t.seq
	    on conflict do nothing
)
select ord from unnest(:ord) as o (ord)
