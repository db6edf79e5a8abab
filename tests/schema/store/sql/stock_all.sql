-- read
select key, n, note, count(*) over () as total from thing order by key limit :limit
