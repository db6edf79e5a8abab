-- Leads, newest first, a page at a time.
-- read
select l.id as lead, l.phone, l.name, l.email, l.created_us, l.seen_us,
       (select count(*) from call c where c.business_id = :business and c.lead_id = l.id) as calls
  from (select *
          from lead
         where business_id = :business
           and id < coalesce(:before, 9223372036854775807)
           and (:number::text is null or phone = :number)
         order by id desc
         limit :limit) l
 order by l.id desc
