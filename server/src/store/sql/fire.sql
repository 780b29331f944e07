-- Decides a batch of ticks: advances the schedules, records the ticks, makes instances and their shards.
-- All of it holds only where the server ($1) still owns the bucket with the epoch it knows, the schedule
-- is at the version and time it was read at, and the time has come by the database's clock.
--   $2 job_id, ascending, each once  $3 bucket  $4 epoch  $5 version  $6 next_fire_at as read  $7 next_fire_at to set (null: none)
--   $8 tick to fire (null: none)  $9 the last tick that this decides  $10 the last tick that was decided, as read (null: none)
-- Ticks that do not fire, in rows of their own: $11 job_id  $12, $13, $14 first, last and number  $15 outcome  $16 reason
-- In the plain form (`store::form`), for ticks that all fire of jobs that queue nothing and replace nothing.
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
        prev_fire_at = greatest(($9::timestamptz[])[width_bucket(s.job_id, $2::bigint[])], s.prev_fire_at)
    where s.job_id = any ($2::bigint[])
        and s.bucket = (array(select bucket from fence order by bucket))
            [width_bucket(s.bucket, array(select bucket from fence order by bucket))]
        and s.version = ($5::integer[])[width_bucket(s.job_id, $2::bigint[])]
        -- Written so that the index of due ticks is of no use: planned while the table was empty, it is read as a whole.
        and s.next_fire_at is not distinct from ($6::timestamptz[])[width_bucket(s.job_id, $2::bigint[])]
        and coalesce(s.next_fire_at, 'infinity') <= now()
        and s.prev_fire_at is not distinct from ($10::timestamptz[])[width_bucket(s.job_id, $2::bigint[])]
        --plain: and s.slots = 1 and s.queue = 0 and not s.is_dynamic and not s.replaces
    returning s.job_id, ($8::timestamptz[])[width_bucket(s.job_id, $2::bigint[])] as fire_at,
        ($10::timestamptz[])[width_bucket(s.job_id, $2::bigint[])] as prev_fire_at,
        s.app_id, s.version, s.shard_count, s.max_attempts, s.instance_timeout_ms, s.slots, s.queue, s.is_dynamic, s.replaces, s.priority
--<
), unfired as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, count, outcome, reason, server_id)
    select u.job_id, u.first, u.last, u.n, u.outcome, u.reason, $1
    from unnest($11::bigint[], $12::timestamptz[], $13::timestamptz[], $14::bigint[], $15::text[], $16::text[])
        as u (job_id, first, last, n, outcome, reason)
    where u.job_id in (select job_id from advanced)
    on conflict do nothing
-->
), firing as materialized (
    select a.*,
        -- For most jobs the unique key of slots decides.
        --plain: 0::smallint as place
        --<
        case when a.slots = 1 and a.queue = 0 and not a.is_dynamic and not a.replaces then 0::smallint else firing_place(a.job_id) end as place
        -->
    from advanced a
    -- A schedule set back to a time already decided must not fire it twice. Only one that was set back needs the look, and
    -- one of which nothing was ever decided has no ticks.
    where a.fire_at is not null and (a.prev_fire_at is null or a.fire_at > a.prev_fire_at
        or (select t.job_id from tick t where t.job_id = a.job_id and t.scheduled_at = a.fire_at limit 1) is null)
), fired as (
    insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, server_id, max_attempts, total, remaining, slot, priority)
    select job_id, app_id, version, 'schedule', fire_at,
        case when instance_timeout_ms > 0 then now() + instance_timeout_ms * interval '1 ms' end,
        $1, max_attempts, shard_count, shard_count, place, priority
    from firing where place >= 0 order by job_id
    on conflict (job_id, slot) do nothing
    returning id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total, priority, phase, plan
), shards as (
    insert into shard_ready (instance_id, item, n, attempt)
    select id, 0, least(64, total), 0 from fired
    union all
    -- Most have one chunk, and a series is dear.
    select f.id, item, least(64, f.total - item), 0 from fired f cross join lateral generate_series(64, f.total - 1, 64) as item where f.total > 64
--<
), queued as (
    insert into instance_queued (job_id, app_id, trigger, scheduled_at, priority, server_id)
    select job_id, app_id, 'schedule', fire_at, priority, $1 from firing where place = -1 order by job_id
    returning id, job_id, scheduled_at
-->
), decided as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, outcome, instance_id, server_id)
    select job_id, scheduled_at, scheduled_at, 'fired', id, $1 from fired
    --<
    union all
    select job_id, scheduled_at, scheduled_at, 'fired', id, $1 from queued
    -->
), skipped as (
    insert into tick (job_id, scheduled_at, last_scheduled_at, outcome, reason, server_id)
    select job_id, fire_at, fire_at, 'skipped',
        case when queue > 0 then 'overlap: the queue of the job was full, at ' || queue
            when slots > 1 then 'overlap: as many instances of the job were running as may, which is ' || slots
            else 'overlap: an instance of the job was running' end, $1
    -- "not in" is looked up in a hash table; "not exists" would compare all with all.
    from firing where place <> -1 and job_id not in (select job_id from fired)
)
select id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total, priority, phase, plan, false as is_queued from fired
union all
select null, null, job_id, null, null, null, null, null, null, null, null, null,
    --plain: false
    --<
    job_id in (select job_id from queued)
    -->
from advanced where job_id not in (select job_id from fired)
