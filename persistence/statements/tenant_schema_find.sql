-- The newest migration; also the probe of readiness.
-- read
-- system
-- timeout 1s
select number, name, :schema_number as wanted
  from migration
 order by number desc
 limit 1
