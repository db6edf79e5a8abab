-- The newest migration; also the probe of readiness.
-- read
-- system
-- timeout 1s
select number, name
  from migration
 order by number desc
 limit 1
