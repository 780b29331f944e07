-- Jobs that have an instance in the queue whose time has come and that can start now, or whose job will not start it;
-- at most $1. And in how many milliseconds the next one's time comes.
with waiting as materialized (
    -- Ordered so that the index of due ones is read, and not that of jobs.
    select distinct job_id from (select q.job_id from instance_queued q where q.due_at <= now() order by q.due_at offset 0) q
), startable as materialized (
    -- Looked up for each and not joined: planned while the tables were empty, a join compares all with all.
    select w.job_id from waiting w
    cross join lateral (select j.state from job j where j.id = w.job_id offset 0) j
    left join lateral (select s.slots, s.replaces from job_schedule s where s.job_id = w.job_id offset 0) s on true
    -- A paused job goes on with what runs, also where its planning handler has run and its shards have yet to.
    where (j.state <> 'paused' or (select q.id from instance_queued q where q.job_id = w.job_id and q.plan is not null limit 1) is not null)
        and (j.state not in ('waiting', 'paused') or s.replaces or (select count(*) from instance i where i.job_id = w.job_id) < s.slots)
    order by w.job_id
    limit $1
)
select array(select job_id from startable order by job_id) as jobs,
    (select ceil(extract(epoch from q.due_at - clock_timestamp()) * 1000)::bigint from instance_queued q
        where q.due_at > now() order by q.due_at limit 1) as next_in_ms
