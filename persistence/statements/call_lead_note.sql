-- Note what was learned of a lead. What is absent stays; a note that stands at the end already is a twin.
-- Whoever has a key leaves a trace of it; what a call learns is the call's record.
-- write
with put as (
	update lead
	   set name = coalesce(:name, name), email = coalesce(:email, email),
	       notes = case when :note::text is null or notes like '%' || replace(replace(replace(:note, '\', '\\'), '%', '\%'), '_', '\_')
	                    then notes
	                    else right(concat_ws(e'\n', nullif(notes, ''), :note), 65536) end,
	       seen_us = greatest(seen_us, :now_us)
	 where business_id = :business and id = :lead
	returning id, name, email, notes
), noted as (
	insert into audit (business_id, principal, asker, trace, action, subject, detail)
	select :business, :principal, :asker, :trace, 'lead.note', 'lead ' || id,
	       jsonb_build_object('given', array_remove(array[case when :name::text is not null then 'name' end,
	                                                      case when :email::text is not null then 'email' end,
	                                                      case when :note::text is not null then 'note' end], null))
	  from put
	 where :principal::bigint is not null
)
select id as lead, name, email, right(notes, 4000) as notes
  from put
