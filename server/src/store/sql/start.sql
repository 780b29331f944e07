-- Starts queued instances, for the server $1: $2 id, ascending  $3 slot  $4 number of shards  $5 phase. The rows of their jobs in
-- job and job_schedule are locked, so that the slots are free.
with gone as (
    delete from instance_queued q where q.id = any ($2::bigint[]) returning *
), made as (
    insert into instance (id, job_id, app_id, job_version, trigger, scheduled_at, deadline_at, param, server_id, max_attempts, total, remaining,
        slot, priority, cause_id, plan, phase)
    overriding system value
    select g.id, g.job_id, g.app_id, s.version, g.trigger, g.scheduled_at,
        case when s.instance_timeout_ms > 0 then now() + s.instance_timeout_ms * interval '1 ms' end,
        g.param, $1, s.max_attempts, ($4::integer[])[width_bucket(g.id, $2::bigint[])], ($4::integer[])[width_bucket(g.id, $2::bigint[])],
        ($3::smallint[])[width_bucket(g.id, $2::bigint[])], g.priority, g.cause_id, g.plan, ($5::text[])[width_bucket(g.id, $2::bigint[])]
    from gone g
    -- Looked up for each and not joined: planned while the table was empty, a join compares all with all.
    cross join lateral (select * from job_schedule s where s.job_id = g.job_id offset 0) s
    order by g.id
    returning id, app_id, job_id, job_version, trigger, scheduled_at, fired_at, param, total, priority, phase, plan
), shards as (
    insert into shard_ready (instance_id, item, n, attempt)
    select m.id, item, least(64, m.total - item), 0 from made m cross join lateral generate_series(0, m.total - 1, 64) as item
)
select * from made
