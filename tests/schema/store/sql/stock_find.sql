-- read
select key, n, note from thing where key = :key
