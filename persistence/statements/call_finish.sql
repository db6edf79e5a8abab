-- A stream is over. Its call is over too, if no newer stream came; a call given up as lost whose session
-- was alive after all gets its true end.
-- write
with done as (
	update call
	   set state = 2, cause = :cause, end_us = :end_us, played_ms = :played_ms, barge_ins = :barge_ins::integer,
	       dropped = :dropped_in + :dropped_out,
	       counts = jsonb_strip_nulls(jsonb_build_object(
	               'frames_in', :frames_in, 'frames_out', :frames_out, 'dropped_in', :dropped_in,
	               'dropped_out', :dropped_out, 'played_ms', :played_ms, 'barge_ins', :barge_ins,
	               'turns', :turns, 'first_audio_ms', :first_audio_ms, 'turn_p50_ms', :turn_p50_ms,
	               'turn_worst_ms', :turn_worst_ms, 'tools', :tools, 'tokens_in', :tokens_in,
	               'tokens_out', :tokens_out, 'reconnects', :reconnects))
	 where business_id = :business and sid = :call and epoch = :epoch
	   and (state < 2 or cause = 12)
	returning id
)
select (select count(*) from done) as rows
