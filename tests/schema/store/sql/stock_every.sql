-- Every type there and back.
-- read
select :b as b, :u8 as u8, :u16 as u16, :u32 as u32, :u64 as u64, :i32 as i32, :i64 as i64,
       :f64 as f64, :str as str, :bin as bin, :json as json, :colour as colour,
       :shade::text as shade, :at_us::timestamptz as at_us, :t_us::timestamptz as t_us,
       :text::text as text, :pair.key as key, :pair.n as n,
       concat_ws(' ', pg_typeof(:b), pg_typeof(:u8), pg_typeof(:u32), pg_typeof(:f64),
                 pg_typeof(:str), pg_typeof(:bin), pg_typeof(:json), pg_typeof(:colour),
                 pg_typeof(:at_us::timestamptz),
                 to_char(:at_us::timestamptz, 'YYYY-MM-DD"T"HH24:MI:SS.US'), ':str', "length"(':b')
       ) as types /* :this is no parameter, nor is $$ :that $$ */
