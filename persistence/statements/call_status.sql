-- The carrier tells how a call fares: in any order, more than once. A call it could not connect is over.
-- write
with put as (
	insert into call_event (business_id, sid, epoch, seq, at_us, kind, text, data)
	values (:business, :call, 0, :seq::integer, :now_us, 12 /* call.happening status */, :status, :data)
	    on conflict do nothing
)
update call
   set carrier = case when :seq::integer > carrier_seq then :status else carrier end,
       carrier_seq = greatest(carrier_seq, :seq::integer),
       state = case when state = 0 and :over then 2 else state end,
       cause = case when state = 0 and :over then 15 else cause end,
       end_us = case when state = 0 and :over then :now_us else end_us end
 where business_id = :business and sid = :call
returning id
