-- Rows and their lease.
-- write
-- bulk rows
-- timeout 2s
insert into t select :business, k, :now_us::timestamptz
  from unnest(:ord, :rows.key, :rows.n::text[], :lease, :principal, :rows.key) t (o, k)
returning 'x' as "y";
