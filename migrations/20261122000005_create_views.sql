-- The SQL interface for people and BI tools. Columns are only ever added.

create view job_view as
select j.id as job_id, a.name as app, j.name as job,
    case when j.state = 'waiting' and exists (select from instance i where i.job_id = j.id) then 'running' else j.state end as state,
    j.version, v.definition ->> 'description' as description, s.cron, s.time_zone, s.shard_count,
    s.prev_fire_at, s.next_fire_at, b.owner as server_id, j.created_at, j.updated_at, v.definition
from job j
join app a on a.id = j.app_id
join job_version v on v.job_id = j.id and v.version = j.version
join job_schedule s on s.job_id = j.id
left join bucket_lease b on b.bucket = s.bucket and b.expires_at > now()
where j.deleted_at is null;
comment on view job_view is 'Jobs with their state and fire times.';
comment on column job_view.state is 'disabled, stopped, waiting, running or paused.';
comment on column job_view.next_fire_at is 'Null if the job does not fire by itself.';
comment on column job_view.server_id is 'The server that fires it now.';

create view tick_history as
select t.job_id, a.name as app, j.name as job, t.scheduled_at, t.last_scheduled_at, t.count, t.outcome, t.reason,
    t.instance_id, t.server_id, t.decided_at,
    (extract(epoch from t.decided_at - t.last_scheduled_at) * 1000)::bigint as late_ms
from tick t
join job j on j.id = t.job_id
join app a on a.id = j.app_id;
comment on view tick_history is 'Every time at which a schedule was due, and what became of it.';
comment on column tick_history.count is 'How many ticks the row stands for: those from scheduled_at to last_scheduled_at.';
comment on column tick_history.outcome is 'fired; skipped (see reason); coalesced into the next fired tick.';

create view instance_history as
select e.id as instance_id, e.job_id, a.name as app, j.name as job, e.job_version, e.state, e.trigger,
    e.scheduled_at, e.fired_at, e.ended_at, (extract(epoch from e.ended_at - e.fired_at) * 1000)::bigint as duration_ms,
    e.total, e.succeeded, e.failed, e.cancelled,
    coalesce(e.param, v.definition -> 'param') as param, e.reason, e.server_id
from instance_ended e
join job j on j.id = e.job_id
join app a on a.id = e.app_id
left join job_version v on v.job_id = e.job_id and v.version = e.job_version;
comment on view instance_history is 'Instances that have ended.';
comment on column instance_history.state is 'succeeded, failed, terminated or timed_out.';

create view attempt_history as
select (t.instance_id << 17) + t.item as shard_id, t.instance_id, t.item, t.attempt, t.outcome, t.final, t.client_id,
    c.host as client_host, c.pid as client_pid, t.claimed_at, t.started_at, t.ended_at,
    (extract(epoch from t.ended_at - t.started_at) * 1000)::bigint as duration_ms, t.error, t.output
from attempt_ended t
left join client c on c.id = t.client_id;
comment on view attempt_history is 'Every claim of a shard that has ended. Give a range of ended_at to read few partitions.';
comment on column attempt_history.attempt is 'From 1; 0 if the shard was cancelled before anyone claimed it.';
comment on column attempt_history.started_at is 'By the client''s clock, kept within claimed_at and ended_at.';

create view shard_history as
select h.shard_id, h.instance_id, h.item,
    v.definition -> 'shard_params' -> h.item as param,
    case h.outcome when 'succeeded' then 'succeeded' when 'cancelled' then 'cancelled' else 'failed' end as state,
    h.attempt as attempts, h.client_id, h.client_host, h.client_pid, h.claimed_at, h.started_at, h.ended_at, h.duration_ms, h.error, h.output
from attempt_history h
left join instance i on i.id = h.instance_id
left join instance_ended e on e.id = h.instance_id
left join job_version v on v.job_id = coalesce(i.job_id, e.job_id) and v.version = coalesce(i.job_version, e.job_version)
where h.final;
comment on view shard_history is 'Shards that have ended.';
comment on column shard_history.state is 'succeeded, failed or cancelled.';
comment on column shard_history.attempts is 'How often it was claimed.';

create view server_view as
select s.id as server_id, s.host, s.pid, s.address, s.version, s.started_at, s.expires_at, s.draining,
    (select count(*) from bucket_lease b where b.owner = s.id and b.expires_at > now()) as buckets,
    (select count(*) from bucket_lease b join job_schedule j on j.bucket = b.bucket
     where b.owner = s.id and b.expires_at > now() and j.next_fire_at is not null) as jobs
from server s
where s.left_at is null and s.expires_at > now();
comment on view server_view is 'Replicas that are alive.';
comment on column server_view.buckets is 'How many of the 256 buckets of jobs it owns.';
comment on column server_view.jobs is 'How many scheduled jobs are in them.';

create view client_view as
select c.id as client_id, a.name as app, c.host, c.ip, c.pid, c.sdk, c.version, c.handlers, c.labels, c.slots,
    (select count(*) from shard_running r where r.client_id = c.id) as running,
    c.registered_at, l.expires_at
from client c
join client_lease l on l.client_id = c.id and l.expires_at > now()
join app a on a.id = c.app_id;
comment on view client_view is 'Client processes that are alive.';
