-- Makes instances of the jobs $1 by hand, with the parameters $2, for the server $3.
-- Answers a row with its state for each job that exists, and one for each instance that was made. A waiting job
-- without an instance had one running. Of a job that is named twice, the first trigger counts.
with asked as materialized (
    select u.* from unnest($1::bigint[], $2::jsonb[]) with ordinality as u (job_id, param, ord) order by job_id, ord
), locked as materialized (
    -- The lock keeps the job from being stopped before its instance is there to be terminated. Looked up for
    -- each, and by the key alone, which "offset 0" sees to: planned while the tables were empty, a join or
    -- another index reads all of them for each.
    select a.ord, a.job_id, a.param, j.state, s.app_id, s.version, s.instance_timeout_ms, s.max_attempts, s.shard_count
    from asked a
    cross join lateral (select j.state, j.deleted_at from job j where j.id = a.job_id offset 0 for no key update) j
    cross join lateral (select * from job_schedule s where s.job_id = a.job_id offset 0) s
    where j.deleted_at is null
), made as (
    insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, param, server_id, max_attempts, total, remaining)
    select job_id, app_id, version, 'api', now(),
        case when instance_timeout_ms > 0 then now() + instance_timeout_ms * interval '1 ms' end,
        param, $3, max_attempts, shard_count, shard_count
    from (select distinct on (job_id) * from locked where state = 'waiting' order by job_id, ord) l
    on conflict (job_id) do nothing
    returning id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total
), shards as (
    insert into shard_ready (instance_id, item, n, attempt)
    select m.id, item, least(64, m.total - item), 0 from made m cross join lateral generate_series(0, m.total - 1, 64) as item
)
select ord, job_id, state, null::bigint as id, null::bigint as app_id, null::integer as job_version, null as trigger,
    null::timestamptz as scheduled_at, null::timestamptz as fired_at, null::jsonb as param, null::integer as total from locked
union all
select null, job_id, null, id, app_id, job_version, trigger, scheduled_at, fired_at, param, total from made
