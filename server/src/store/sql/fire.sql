-- Decides a batch of ticks: advances the schedules, records the ticks, makes instances and their shards.
-- All of it holds only where the server ($1) still owns the bucket with the epoch it knows, the schedule
-- is at the version and time it was read at, and the time has come by the database's clock.
--   $2 job_id  $3 bucket  $4 epoch  $5 version  $6 next_fire_at as read  $7 next_fire_at to set (null: none)
--   $8 tick to fire (null: none)  $9, $10, $11 first, last and number of ticks to coalesce (0: none)
with due as materialized (
    -- Buckets are looked up one by one and not joined: the planner takes the arrays for ten rows, and would
    -- compare each tick with each bucket. The lock keeps the bucket from changing hands before this commits.
    select d.*
    from (
        select * from unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::integer[], $6::timestamptz[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::bigint[])
            as u (job_id, bucket, epoch, version, old_fire_at, new_fire_at, fire_at, missed_from, missed_to, missed)
        order by bucket, job_id
    ) d
    cross join lateral (
        select from bucket_lease b
        where b.bucket = d.bucket and b.epoch = d.epoch and b.owner = $1 and b.expires_at > now()
        for share
    ) fence
), advanced as materialized (
    -- Looked up for each, and by the key alone, which "offset 0" sees to: planned while the table was empty,
    -- a join compares all with all. The row is what others left of it, and stays so until this commits.
    select d.job_id, d.new_fire_at, d.fire_at, d.missed_from, d.missed_to, d.missed,
        s.app_id, s.version, s.shard_count, s.max_attempts, s.instance_timeout_ms
    from due d
    cross join lateral (select * from job_schedule s where s.job_id = d.job_id offset 0 for no key update) s
    where s.version = d.version and s.next_fire_at = d.old_fire_at and s.next_fire_at <= now()
), moved as (
    update job_schedule s
    set next_fire_at = (array(select new_fire_at from advanced order by job_id))
            [width_bucket(s.job_id, array(select job_id from advanced order by job_id))],
        prev_fire_at = coalesce((array(select fire_at from advanced order by job_id))
            [width_bucket(s.job_id, array(select job_id from advanced order by job_id))], s.prev_fire_at)
    where s.job_id = any (array(select job_id from advanced))
), coalesced as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, count, outcome, reason, server_id)
    select job_id, missed_from, missed_to, missed, 'coalesced', 'missed: the server fired the latest missed tick only', $1
    from advanced where missed > 0
    on conflict do nothing
), firing as (
    -- A schedule set back to a time already decided must not fire it twice.
    select * from advanced a
    where a.fire_at is not null
        and (select t.job_id from tick t where t.job_id = a.job_id and t.scheduled_at = a.fire_at limit 1) is null
), fired as (
    insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, server_id, max_attempts, total, remaining)
    select job_id, app_id, version, 'schedule', fire_at,
        case when instance_timeout_ms > 0 then now() + instance_timeout_ms * interval '1 ms' end,
        $1, max_attempts, shard_count, shard_count
    from firing order by job_id
    on conflict (job_id) do nothing
    returning id, job_id, scheduled_at, total
), shards as (
    insert into shard_ready (instance_id, item, n, attempt)
    select f.id, item, least(64, f.total - item), 0 from fired f cross join lateral generate_series(0, f.total - 1, 64) as item
), decided as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, outcome, instance_id, server_id)
    select job_id, scheduled_at, scheduled_at, 'fired', id, $1 from fired
), skipped as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, outcome, reason, server_id)
    select job_id, fire_at, fire_at, 'skipped', 'overlap: an instance of the job was running', $1
    -- "not in" is looked up in a hash table; "not exists" would compare all with all.
    from firing where job_id not in (select job_id from fired)
)
select job_id, id as instance_id from fired
union all
select job_id, null from advanced where job_id not in (select job_id from fired)
