-- A page of one chain, for who computes it anew.
-- read
-- system
select id, coalesce(business_id, 0) as business, seq, at as at_us, principal, asker, encode(trace, 'hex') as trace,
       action, subject, detail, encode(hash, 'hex') as hash
  from audit
 where coalesce(business_id, 0) = :chain
   and seq > :after
   and seq <= :until
 order by seq
 limit :limit
