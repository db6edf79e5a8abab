-- Note what was learned of a lead. What is absent stays; a note that stands at the end already is a twin.
-- write
update lead
   set name = coalesce(:name, name), email = coalesce(:email, email),
       notes = case when :note::text is null or notes like '%' || replace(replace(replace(:note, '\', '\\'), '%', '\%'), '_', '\_')
                    then notes
                    else right(concat_ws(e'\n', nullif(notes, ''), :note), 65536) end,
       seen_us = greatest(seen_us, :now_us)
 where business_id = :business and id = :lead
returning id as lead, name, email, right(notes, 4000) as notes
