-- The histories have what has ended, queue_view what waits to start. These two have what is between.
create view instance_view as
select i.id as instance_id, i.job_id, a.name as app, j.name as job, i.job_version, i.phase, i.trigger, i.scheduled_at, i.fired_at, i.deadline_at,
    (extract(epoch from now() - i.fired_at) * 1000)::bigint as duration_ms, i.total, i.succeeded, i.failed,
    (select coalesce(sum(mask_count(r.open)), 0) from shard_running r where r.instance_id = i.id) as running,
    coalesce(i.param, v.definition -> 'param') as param, i.server_id, i.priority, i.cause_id
from instance i
join job j on j.id = i.job_id
join app a on a.id = i.app_id
left join job_version v on v.job_id = i.job_id and v.version = i.job_version;
comment on view instance_view is 'Instances that run.';
comment on column instance_view.instance_id is 'The instance.';
comment on column instance_view.job_id is 'Its job.';
comment on column instance_view.app is 'Name of the app.';
comment on column instance_view.job is 'Name of the job.';
comment on column instance_view.job_version is 'Version of the definition it runs with.';
comment on column instance_view.phase is 'run; plan while its planning handler finds out the shards; broadcast if each client has a shard.';
comment on column instance_view.trigger is 'Why it exists.';
comment on column instance_view.scheduled_at is 'When it was due.';
comment on column instance_view.fired_at is 'When it was fired.';
comment on column instance_view.deadline_at is 'When it is ended as timed out; null if never.';
comment on column instance_view.duration_ms is 'Since it was fired.';
comment on column instance_view.total is 'How many shards it has.';
comment on column instance_view.succeeded is 'How many have succeeded.';
comment on column instance_view.failed is 'How many have failed.';
comment on column instance_view.running is 'How many clients have now; the rest waits.';
comment on column instance_view.param is 'Parameter: that of the trigger, or the job''s own.';
comment on column instance_view.server_id is 'Which server fired it; null if it was triggered in SQL and has been started by none.';
comment on column instance_view.priority is 'Shards of a higher one are handed out first.';
comment on column instance_view.cause_id is 'The instance that caused it; null if none did.';

create view attempt_view as
select (r.instance_id << 17) + r.chunk::integer * 64 + s.bit as shard_id, r.instance_id, r.chunk::integer * 64 + s.bit as item, r.attempt,
    r.client_id, c.host as client_host, c.pid as client_pid, r.claimed_at, r.deadline_at, i.job_id, i.job_version
from shard_running r
cross join lateral unnest(mask_bits(r.open)) as s (bit)
join instance i on i.id = r.instance_id
left join client c on c.id = r.client_id;
comment on view attempt_view is 'Attempts that run: which client has which shard.';
comment on column attempt_view.shard_id is 'The shard: instance_id * 131072 + item.';
comment on column attempt_view.instance_id is 'Its instance.';
comment on column attempt_view.item is 'Its index, from 0.';
comment on column attempt_view.attempt is 'The how manieth, from 1. With shard_id, the fencing token.';
comment on column attempt_view.client_id is 'Who has it.';
comment on column attempt_view.client_host is 'Host of the client.';
comment on column attempt_view.client_pid is 'Process number of the client.';
comment on column attempt_view.claimed_at is 'When it was claimed.';
comment on column attempt_view.deadline_at is 'When the attempt is ended as timed out; null if never.';
comment on column attempt_view.job_id is 'Its job.';
comment on column attempt_view.job_version is 'Version of the definition it runs with.';
