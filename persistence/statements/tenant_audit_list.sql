-- A page of the audit trail, as it was written.
-- read
-- system
select id, coalesce(business_id, 0) as business, seq, at as at_us, principal, asker, encode(trace, 'hex') as trace,
       action, subject, detail, encode(hash, 'hex') as hash
  from audit
 where id > coalesce(:after, 0)
   and (business_id = :business_id or :business_id is null)
   and (at >= :since_us::timestamptz or :since_us::timestamptz is null)
 order by id
 limit :limit
