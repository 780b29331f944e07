-- Makes delayed shards ready whose time has come. Those of an instance that somebody is ending are left to
-- the next pass: waiting here would turn the lock order around.
with due as materialized (
    select d.instance_id, d.item from shard_delayed d
    where d.due_at <= now()
    order by d.due_at
    limit 2000
    for update skip locked
), alive as materialized (
    select i.id from instance i where i.id = any (array(select instance_id from due))
    for key share skip locked
), gone as (
    delete from shard_delayed d using due join alive on alive.id = due.instance_id
    where d.instance_id = due.instance_id and d.item = due.item
    returning d.instance_id, d.item, d.attempt
), staged as (
    insert into shard_ready (instance_id, item, n, attempt)
    select instance_id, item, 1, attempt from gone order by instance_id, item
)
select min(instance_id) as lowest, count(*) as staged from gone
