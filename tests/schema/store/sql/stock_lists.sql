-- Lists there and back, and the members of a list of records.
-- read
select :b as b, :u16 as u16, :u64 as u64, :i64 as i64, :f64 as f64, :str as str, :bin as bin,
       :json as json, :colour::text[] as colour, :at_us::timestamptz[] as at_us,
       :pairs.key as keys, (select sum(n)::bigint from unnest(:pairs.n) t (n)) as sum
