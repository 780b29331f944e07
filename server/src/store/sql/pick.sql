-- Of the jobs $1, whose rows in job and job_schedule are locked: which queued instances start now, and in which slot. Of those
-- that are paused ($2) only what their planning handlers have made ready, which is the rest of a run.
with asked as materialized (
    select s.*, a.is_paused from unnest($1::bigint[], $2::boolean[]) as a (job_id, is_paused)
    cross join lateral (
        select s.job_id, s.version, s.shard_count, s.is_dynamic, s.slots,
            -- For plans that are yet to be taken up slots are left free.
            (select count(*) from dependency_event e where e.job_id = s.job_id and e.state = 'planned') as pending
        from job_schedule s where s.job_id = a.job_id offset 0
    ) s
), free as materialized (
    select a.job_id, n::smallint as slot, row_number() over (partition by a.job_id order by n) as nr
    from asked a cross join lateral generate_series(0, a.slots - 1) n
    where (select i.id from instance i where i.job_id = a.job_id and i.slot = n limit 1) is null
), waiting as materialized (
    select a.version, a.shard_count, a.is_dynamic, q.*,
        row_number() over (partition by q.job_id order by q.plan is null, q.priority desc, q.due_at, q.id)
            + case when q.plan is null then a.pending else 0 end as nr
    from asked a
    cross join lateral (
        (select q.id, q.job_id, q.app_id, q.trigger, q.param, q.cause_id, q.plan, q.priority, q.due_at from instance_queued q
        where q.job_id = a.job_id and q.plan is not null
        limit a.slots)
        union all
        (select q.id, q.job_id, q.app_id, q.trigger, q.param, q.cause_id, q.plan, q.priority, q.due_at from instance_queued q
        -- Written so that the index of due ones is of no use.
        where q.job_id = a.job_id and coalesce(q.due_at, 'infinity') <= now() and q.plan is null and not a.is_paused
            -- Of backfills that are kept apart the first: the others wait from its start on.
            and (q.trigger <> 'backfill' or q.due_at = (
                select min(b.due_at) from instance_queued b where b.job_id = a.job_id and b.trigger = 'backfill'))
        order by q.priority desc, q.due_at, q.id
        limit a.slots)
    ) q
)
select w.id, w.job_id, w.app_id, w.trigger, w.param, w.cause_id, w.plan, w.due_at, f.slot, w.version, w.shard_count, w.is_dynamic
from waiting w
-- The two have few rows each, which are sorted and merged or hashed.
join free f on f.job_id = w.job_id and f.nr = w.nr
order by w.id
limit 500
