-- Makes instances of the jobs $1, each named once, by hand: with the parameters $2, the priorities $4 instead of the
-- job's and after delays of $5 ms, for the server $3; $6 is what made them.
-- Answers a row with its state and its overlap policy for each job that exists, and one for each instance that was
-- made; of one that was only queued it has no total. A waiting job without an instance had as many as may be.
-- In the plain form (`store::form`) none is delayed, and jobs that queue or replace are passed over as if not there.
with asked as materialized (
    select u.* from unnest($1::bigint[], $2::jsonb[], $4::smallint[], $5::bigint[]) with ordinality as u (job_id, param, priority, delay_ms, ord)
    order by job_id
), locked as materialized (
    -- The lock keeps the job from being stopped before its instance is there to be terminated. Looked up for
    -- each, and by the key alone, which "offset 0" sees to: planned while the tables were empty, a join or
    -- another index reads all of them for each.
    select a.ord, a.job_id, a.param, a.delay_ms, coalesce(a.priority, s.priority) as priority, j.state, s.app_id, s.version,
        s.instance_timeout_ms, s.max_attempts, s.shard_count, s.slots, s.queue, s.is_dynamic, s.replaces
    from asked a
    --plain: cross join lateral (select * from job_schedule s where s.job_id = a.job_id offset 0) s
    --plain: cross join lateral (select j.state, j.deleted_at from job j where j.id = s.job_id
    --plain:     and s.slots = 1 and s.queue = 0 and not s.is_dynamic and not s.replaces offset 0 for no key update) j
    --<
    cross join lateral (select j.state, j.deleted_at from job j where j.id = a.job_id offset 0 for no key update) j
    cross join lateral (select * from job_schedule s where s.job_id = a.job_id offset 0) s
    -->
    where j.deleted_at is null
), placed as materialized (
    select l.*,
        --plain: 0::smallint as place
        --<
        case when delay_ms > 0 then -1::smallint
            when slots = 1 and queue = 0 and not is_dynamic and not replaces then 0::smallint
            else firing_place(job_id) end as place
        -->
    from locked l where state = 'waiting'
), made as (
    insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, param, server_id, max_attempts, total, remaining, slot, priority)
    select job_id, app_id, version, $6, now(),
        case when instance_timeout_ms > 0 then now() + instance_timeout_ms * interval '1 ms' end,
        param, $3, max_attempts, shard_count, shard_count, place, priority
    from placed where place >= 0 order by job_id
    on conflict (job_id, slot) do nothing
    returning id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total, priority, phase, plan
), shards as (
    insert into shard_ready (instance_id, item, n, attempt)
    select m.id, item, least(64, m.total - item), 0 from made m cross join lateral generate_series(0, m.total - 1, 64) as item
--<
), queued as (
    insert into instance_queued (job_id, app_id, trigger, scheduled_at, due_at, priority, param, server_id)
    select job_id, app_id, $6, now() + delay_ms * interval '1 ms', now() + delay_ms * interval '1 ms', priority, param, $3
    from placed where place = -1 order by job_id
    returning id, app_id, job_id, trigger, scheduled_at, queued_at, param, priority
-->
)
select ord, job_id, state, slots, queue, null::bigint as id, null::bigint as app_id, null::integer as job_version, null as trigger,
    null::timestamptz as scheduled_at, null::timestamptz as fired_at, null::jsonb as param, null::integer as total, null::smallint as priority, null as phase, null::jsonb as plan from locked
union all
select null, job_id, null, null, null, id, app_id, job_version, trigger, scheduled_at, fired_at, param, total, priority, phase, plan from made
--<
union all
select null, job_id, null, null, null, id, app_id, null, trigger, scheduled_at, queued_at, param, null, priority, null, null from queued
-->
