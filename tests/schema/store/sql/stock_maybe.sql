-- Every type, absent or there.
-- read
select :b as b, :u8 as u8, :u64 as u64, :i32 as i32, :f64 as f64, :str as str, :bin as bin,
       :json as json, :colour as colour, :at_us::timestamptz as at_us, :list as list,
       num_nulls(:b, :u8, :u64, :i32, :f64, :str, :bin, :json, :colour, :at_us, :list) as nulls
