-- read
select 1 as n, 2 as nonsense where :unused is null
