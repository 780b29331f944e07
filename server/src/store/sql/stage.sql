-- Makes delayed shards ready whose time has come. Those of an instance that somebody is ending are left to
-- the next pass: waiting here would turn the lock order around.
with due as materialized (
    select d.ctid as place, d.instance_id from shard_delayed d
    where d.due_at <= now()
    order by d.due_at
    limit 2000
    for update skip locked
), alive as materialized (
    -- Looked up for each and not joined: planned while the tables were empty, a join compares all with all.
    select d.place from due d
    cross join lateral (select from instance i where i.id = d.instance_id for key share skip locked) i
), gone as (
    -- By place: the rows are locked and never updated.
    delete from shard_delayed d where d.ctid = any (array(select place from alive))
    returning d.instance_id, d.item, d.attempt
), staged as (
    insert into shard_ready (instance_id, item, n, attempt)
    select instance_id, item, 1, attempt from gone order by instance_id, item
)
select min(instance_id) as lowest, count(*) as staged from gone
