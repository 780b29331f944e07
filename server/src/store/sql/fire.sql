-- Decides a batch of ticks: advances the schedules, records the ticks, makes instances and their shards.
-- All of it holds only where the server ($1) still owns the bucket with the epoch it knows, the schedule
-- is at the version and time it was read at, and the time has come by the database's clock.
--   $2 job_id, ascending, each once  $3 bucket  $4 epoch  $5 version  $6 next_fire_at as read  $7 next_fire_at to set (null: none)
--   $8 tick to fire (null: none)  $9, $10, $11 first, last and number of ticks to coalesce (0: none)
--   $12 the last tick that was decided, as read (null: none)
with fence as materialized (
    -- The lock keeps a bucket from changing hands before this commits. Looked up one by one and not joined: the
    -- planner takes the arrays for ten rows, and would compare each tick with each bucket.
    select d.bucket
    from (select distinct bucket, epoch from unnest($3::smallint[], $4::bigint[]) as u (bucket, epoch) order by bucket) d
    cross join lateral (
        select from bucket_lease b
        where b.bucket = d.bucket and b.epoch = d.epoch and b.owner = $1 and b.expires_at > now()
        for share
    ) held
), advanced as (
    -- By key, with the values at the key's place in $2: planned while the table was empty, a join compares all with
    -- all. prev_fire_at never goes back: what is after it has not been decided.
    update job_schedule s
    set next_fire_at = ($7::timestamptz[])[width_bucket(s.job_id, $2::bigint[])],
        prev_fire_at = greatest(($8::timestamptz[])[width_bucket(s.job_id, $2::bigint[])], ($10::timestamptz[])[width_bucket(s.job_id, $2::bigint[])], s.prev_fire_at)
    where s.job_id = any ($2::bigint[])
        and s.bucket = (array(select bucket from fence order by bucket))
            [width_bucket(s.bucket, array(select bucket from fence order by bucket))]
        and s.version = ($5::integer[])[width_bucket(s.job_id, $2::bigint[])]
        -- Written so that the index of due ticks is of no use: planned while the table was empty, it is read as a whole.
        and s.next_fire_at is not distinct from ($6::timestamptz[])[width_bucket(s.job_id, $2::bigint[])]
        and coalesce(s.next_fire_at, 'infinity') <= now()
        and s.prev_fire_at is not distinct from ($12::timestamptz[])[width_bucket(s.job_id, $2::bigint[])]
    returning s.job_id, ($8::timestamptz[])[width_bucket(s.job_id, $2::bigint[])] as fire_at, ($9::timestamptz[])[width_bucket(s.job_id, $2::bigint[])] as missed_from,
        ($10::timestamptz[])[width_bucket(s.job_id, $2::bigint[])] as missed_to, ($11::bigint[])[width_bucket(s.job_id, $2::bigint[])] as missed,
        ($12::timestamptz[])[width_bucket(s.job_id, $2::bigint[])] as prev_fire_at,
        s.app_id, s.version, s.shard_count, s.max_attempts, s.instance_timeout_ms
), coalesced as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, count, outcome, reason, server_id)
    select job_id, missed_from, missed_to, missed, 'coalesced', 'missed: the server fired the latest missed tick only', $1
    from advanced where missed > 0
    on conflict do nothing
), firing as (
    -- A schedule set back to a time already decided must not fire it twice. Only one that was set back needs the look.
    select * from advanced a
    where a.fire_at is not null and (a.fire_at > a.prev_fire_at
        or (select t.job_id from tick t where t.job_id = a.job_id and t.scheduled_at = a.fire_at limit 1) is null)
), fired as (
    insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, server_id, max_attempts, total, remaining)
    select job_id, app_id, version, 'schedule', fire_at,
        case when instance_timeout_ms > 0 then now() + instance_timeout_ms * interval '1 ms' end,
        $1, max_attempts, shard_count, shard_count
    from firing order by job_id
    on conflict (job_id) do nothing
    returning id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total
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
select id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total from fired
union all
select null, null, job_id, null, null, null, null, null, null from advanced where job_id not in (select job_id from fired)
