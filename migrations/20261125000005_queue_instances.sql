-- Instances that wait for their turn, and several of a job at a time. An instance has one of its job's slots, of which
-- most jobs have one; what finds none may wait in a queue, and so does what is to start later.

alter table instance add column slot smallint not null default 0;
alter table instance add column priority smallint not null default 0;
alter table instance add column cause_id bigint;
comment on column instance.slot is 'Which of the slots of its job it has, from 0.';
comment on column instance.priority is 'Shards of a higher one are handed out first.';
comment on column instance.cause_id is 'The instance that caused this one; null if none did.';
drop index instance_job_key;
create unique index instance_job_key on instance (job_id, slot);
alter table instance drop constraint instance_trigger_check;
alter table instance add constraint instance_trigger_check
    check (trigger in ('schedule', 'api', 'sql', 'dependency', 'backfill', 'rerun', 'plan'));

alter table instance_ended add column priority smallint not null default 0;
alter table instance_ended add column cause_id bigint;

alter table job_schedule add column timing text;
alter table job_schedule add column fixed_delay_ms bigint;
alter table job_schedule add column slots smallint not null default 1 check (slots > 0);
alter table job_schedule add column queue smallint not null default 0 check (queue >= 0);
alter table job_schedule add column replaces boolean not null default false;
alter table job_schedule add column needs_client boolean not null default false;
alter table job_schedule add column is_dynamic boolean not null default false;
alter table job_schedule add column priority smallint not null default 0;
comment on column job_schedule.timing is 'What decides its ticks beside cron and time_zone, as JSON; null if nothing does.';
comment on column job_schedule.fixed_delay_ms is 'It fires so long after its last instance has ended; null if it does not.';
comment on column job_schedule.slots is 'How many instances may run at a time.';
comment on column job_schedule.queue is 'How many more may wait.';
comment on column job_schedule.replaces is 'A new instance ends the one that runs.';
comment on column job_schedule.needs_client is 'A tick is skipped while no client is alive that may run it.';
comment on column job_schedule.is_dynamic is 'How many shards an instance has is found out when it starts.';
create index job_schedule_delay_idx on job_schedule (job_id) where fixed_delay_ms is not null;

alter table tick drop constraint tick_outcome_check;
alter table tick add constraint tick_outcome_check check (outcome in ('fired', 'skipped', 'coalesced', 'missed'));

create table instance_queued (
    id bigint primary key default nextval(pg_get_serial_sequence('instance', 'id')),
    job_id bigint not null,
    app_id bigint not null,
    trigger text not null check (trigger in ('schedule', 'api', 'sql', 'dependency', 'backfill', 'plan')),
    scheduled_at timestamptz not null,
    queued_at timestamptz not null default now(),
    due_at timestamptz not null default now(),
    priority smallint not null default 0,
    param jsonb,
    cause_id bigint,
    server_id uuid
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table instance_queued is 'Instances that wait to start. Starting one moves the row to instance.';
comment on column instance_queued.due_at is 'It does not start before.';
create index instance_queued_job_idx on instance_queued (job_id, priority desc, due_at);
create index instance_queued_due_idx on instance_queued (due_at);

create function firing_place(job bigint) returns smallint language plpgsql volatile as $$
declare
    s job_schedule;
    waiting bigint;
    free smallint;
begin
    select * into s from job_schedule where job_id = job for no key update;
    select count(*) into waiting from instance_queued q where q.job_id = job and q.due_at <= now();
    if waiting = 0 then
        select min(n) into free from generate_series(0, s.slots - 1) n
        where not exists (select from instance i where i.job_id = job and i.slot = n);
    end if;
    return case
        when free is not null and not s.is_dynamic then free
        when free is not null or s.replaces or waiting < s.queue then -1
        else -2
    end;
end $$;
comment on function firing_place is 'Where a new instance of a job goes: to a slot, to the queue (-1), or nowhere (-2). Locks the row of job_schedule, without which two could get the same place; volatile, so that it sees what committed while it waited for the lock.';

create or replace view instance_history as
select e.id as instance_id, e.job_id, a.name as app, j.name as job, e.job_version, e.state, e.trigger,
    e.scheduled_at, e.fired_at, e.ended_at, (extract(epoch from e.ended_at - e.fired_at) * 1000)::bigint as duration_ms,
    e.total, e.succeeded, e.failed, e.cancelled,
    coalesce(e.param, v.definition -> 'param') as param, e.reason, e.server_id, e.priority, e.cause_id
from instance_ended e
join job j on j.id = e.job_id
join app a on a.id = e.app_id
left join job_version v on v.job_id = e.job_id and v.version = e.job_version;
comment on column instance_history.trigger is 'Why it exists: schedule, api, sql, dependency, backfill, rerun or plan.';
comment on column instance_history.priority is 'Shards of a higher one are handed out first.';
comment on column instance_history.cause_id is 'The instance that caused it; null if none did.';
comment on column tick_history.outcome is 'fired; skipped (see reason); coalesced into the next fired tick; missed, and let go by the misfire policy.';
