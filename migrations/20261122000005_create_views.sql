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
comment on column job_view.job_id is 'The job.';
comment on column job_view.app is 'Name of its app.';
comment on column job_view.job is 'Its name, unique in the app.';
comment on column job_view.version is 'Version of its definition, from 1.';
comment on column job_view.description is 'What it does.';
comment on column job_view.cron is 'When it fires; null if only on demand.';
comment on column job_view.time_zone is 'IANA zone in which cron is read.';
comment on column job_view.shard_count is 'Shards of each instance.';
comment on column job_view.prev_fire_at is 'The last tick that was fired or skipped.';
comment on column job_view.created_at is 'When it was created.';
comment on column job_view.updated_at is 'When its definition or state last changed.';
comment on column job_view.definition is 'The whole definition, as the API shows it under spec.';

comment on column tick_history.job_id is 'The job.';
comment on column tick_history.app is 'Name of its app.';
comment on column tick_history.job is 'Name of the job.';
comment on column tick_history.scheduled_at is 'When it was due; the first one, if the row stands for several.';
comment on column tick_history.last_scheduled_at is 'The last one the row stands for.';
comment on column tick_history.reason is 'Why it was not fired; null if it was.';
comment on column tick_history.instance_id is 'The instance, if fired.';
comment on column tick_history.server_id is 'The server that decided.';
comment on column tick_history.decided_at is 'When that was decided.';
comment on column tick_history.late_ms is 'From last_scheduled_at to decided_at.';

comment on column instance_history.instance_id is 'The instance. Ids rise in the order of firing.';
comment on column instance_history.job_id is 'Its job.';
comment on column instance_history.app is 'Name of the app.';
comment on column instance_history.job is 'Name of the job.';
comment on column instance_history.job_version is 'Version of the definition it ran with.';
comment on column instance_history.trigger is 'Why it exists: schedule or api.';
comment on column instance_history.scheduled_at is 'When it was due.';
comment on column instance_history.fired_at is 'When it was fired.';
comment on column instance_history.ended_at is 'When it ended.';
comment on column instance_history.duration_ms is 'From fired_at to ended_at.';
comment on column instance_history.total is 'Number of shards.';
comment on column instance_history.succeeded is 'Shards that succeeded.';
comment on column instance_history.failed is 'Shards that failed.';
comment on column instance_history.cancelled is 'Shards that were cancelled.';
comment on column instance_history.param is 'Parameter that the instance got: of its trigger, or of its job.';
comment on column instance_history.reason is 'Why it ended as it did, when that is not plain from the shards.';
comment on column instance_history.server_id is 'The server that fired it.';

comment on column attempt_history.shard_id is 'The shard: instance_id * 131072 + item.';
comment on column attempt_history.instance_id is 'Its instance.';
comment on column attempt_history.item is 'Its index, from 0.';
comment on column attempt_history.outcome is 'succeeded, failed, later, lost, returned, timed_out or cancelled.';
comment on column attempt_history.final is 'Whether the shard ended with it.';
comment on column attempt_history.client_id is 'Who had it; null if nobody.';
comment on column attempt_history.client_host is 'Host of the client; null once the client is forgotten.';
comment on column attempt_history.client_pid is 'Process number of the client.';
comment on column attempt_history.claimed_at is 'When it was claimed.';
comment on column attempt_history.ended_at is 'When it ended.';
comment on column attempt_history.duration_ms is 'From started_at to ended_at; null if the client did not say when it started.';
comment on column attempt_history.error is 'What went wrong.';
comment on column attempt_history.output is 'What it produced.';

comment on column shard_history.shard_id is 'The shard: instance_id * 131072 + item.';
comment on column shard_history.instance_id is 'Its instance.';
comment on column shard_history.item is 'Its index, from 0.';
comment on column shard_history.param is 'Its parameter; null if none is configured.';
comment on column shard_history.client_id is 'Who had it last; null if nobody.';
comment on column shard_history.client_host is 'Host of that client; null once the client is forgotten.';
comment on column shard_history.client_pid is 'Process number of that client.';
comment on column shard_history.claimed_at is 'When it was claimed last.';
comment on column shard_history.started_at is 'When its last attempt started, by the client''s clock, kept within claimed_at and ended_at.';
comment on column shard_history.ended_at is 'When it ended.';
comment on column shard_history.duration_ms is 'From started_at to ended_at.';
comment on column shard_history.error is 'What went wrong.';
comment on column shard_history.output is 'What it produced.';

comment on column server_view.server_id is 'The server; a new one at each start.';
comment on column server_view.host is 'Host name.';
comment on column server_view.pid is 'Process number.';
comment on column server_view.address is 'Where it listens.';
comment on column server_view.version is 'Version of the program.';
comment on column server_view.started_at is 'When it started.';
comment on column server_view.expires_at is 'Until when its lease stands.';
comment on column server_view.draining is 'Whether it is handing over before it stops.';

comment on column client_view.client_id is 'The client; a new one at each registration.';
comment on column client_view.app is 'Name of its app.';
comment on column client_view.host is 'Host name.';
comment on column client_view.ip is 'Address it gave.';
comment on column client_view.pid is 'Process number.';
comment on column client_view.sdk is 'Which SDK.';
comment on column client_view.version is 'Version of the SDK.';
comment on column client_view.handlers is 'Handlers it has.';
comment on column client_view.labels is 'Its labels.';
comment on column client_view.slots is 'How many shards it runs at once.';
comment on column client_view.running is 'How many it runs now.';
comment on column client_view.registered_at is 'When it registered.';
comment on column client_view.expires_at is 'Until when its lease stands.';
