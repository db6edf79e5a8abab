-- The phone addresses of these LIDs, as far as any message has shown both.
-- read
select lid, pn
  from wa_alias
 where business_id = :business
   and lid = any (:lids)
