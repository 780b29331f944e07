-- Jobs that follow others. The end of an instance that something may follow is told in the transaction in which it ends,
-- and taken up once.
create table job_dependency (
    successor_id bigint not null,
    predecessor_id bigint not null,
    on_end text not null check (on_end in ('success', 'failure', 'completion', 'always')),
    pass text not null check (pass in ('nothing', 'param', 'outputs')),
    joins text not null check (joins in ('all', 'any')),
    satisfied_by bigint,
    primary key (successor_id, predecessor_id)
);
comment on table job_dependency is 'Which job follows which, as the current versions of the successors'' definitions say.';
comment on column job_dependency.on_end is 'How an instance of the predecessor must end.';
comment on column job_dependency.pass is 'What the instance gets of it.';
comment on column job_dependency.joins is 'Whether all predecessors must have ended so, or any; the same for all of a successor.';
comment on column job_dependency.satisfied_by is 'The instance that has ended so since the successor was last fired for it; null if none has.';
create index job_dependency_predecessor_idx on job_dependency (predecessor_id);

create table dependency_event (
    id bigint generated always as identity primary key,
    instance_id bigint not null,
    job_id bigint not null,
    state text not null,
    ended_at timestamptz not null default now()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table dependency_event is 'Instances that have ended and that something may follow. A row goes in the transaction that has queued what follows.';

create view dependency_view as
select d.successor_id, sa.name as successor_app, s.name as successor, d.predecessor_id, pa.name as predecessor_app, p.name as predecessor,
    d.on_end, d.pass, d.joins, d.satisfied_by
from job_dependency d
join job s on s.id = d.successor_id join app sa on sa.id = s.app_id
join job p on p.id = d.predecessor_id join app pa on pa.id = p.app_id;
comment on view dependency_view is 'Which job follows which.';
comment on column dependency_view.successor_id is 'The job that follows.';
comment on column dependency_view.successor_app is 'Name of its app.';
comment on column dependency_view.successor is 'Its name.';
comment on column dependency_view.predecessor_id is 'The job that is followed.';
comment on column dependency_view.predecessor_app is 'Name of its app.';
comment on column dependency_view.predecessor is 'Its name.';
comment on column dependency_view.on_end is 'How an instance of it must end: success, failure, completion or always.';
comment on column dependency_view.pass is 'What the instance gets of it: nothing, param or outputs.';
comment on column dependency_view.joins is 'Whether all predecessors must have ended so, or any.';
comment on column dependency_view.satisfied_by is 'The instance that has ended so since the successor was last fired for it.';

create view queue_view as
select q.id as instance_id, q.job_id, a.name as app, j.name as job, q.trigger, q.scheduled_at, q.queued_at, q.due_at, q.priority,
    q.param, q.cause_id
from instance_queued q join job j on j.id = q.job_id join app a on a.id = q.app_id;
comment on view queue_view is 'Instances that wait to start.';
comment on column queue_view.instance_id is 'The instance.';
comment on column queue_view.job_id is 'Its job.';
comment on column queue_view.app is 'Name of the app.';
comment on column queue_view.job is 'Name of the job.';
comment on column queue_view.trigger is 'Why it exists.';
comment on column queue_view.scheduled_at is 'When it was due.';
comment on column queue_view.queued_at is 'Since when it waits.';
comment on column queue_view.due_at is 'It does not start before.';
comment on column queue_view.priority is 'Higher ones of a job start first.';
comment on column queue_view.param is 'Parameter given to it instead of the job''s own; null if none was.';
comment on column queue_view.cause_id is 'The instance that caused it; null if none did.';

create function antares_trigger(app text, job text, param jsonb default null, idempotency_key text default null) returns bigint
language plpgsql volatile set search_path from current as $$
#variable_conflict use_column
declare
    target record;
    made bigint;
    first bigint;
begin
    select j.id, j.app_id, j.state, s.priority into target
    from job j join app a on a.id = j.app_id join job_schedule s on s.job_id = j.id
    where a.name = antares_trigger.app and a.deleted_at is null and j.name = antares_trigger.job and j.deleted_at is null;
    if not found then
        raise exception 'the app % has no job called %', antares_trigger.app, antares_trigger.job using errcode = 'no_data_found';
    end if;
    if target.state <> 'waiting' then
        raise exception 'cannot trigger the job %, which is %', antares_trigger.job, target.state
            using errcode = 'object_not_in_prerequisite_state', hint = 'Enable, schedule or resume it first.';
    end if;
    if antares_trigger.idempotency_key is not null and length(antares_trigger.idempotency_key) not between 1 and 200 then
        raise exception 'idempotency_key must have 1 to 200 characters' using errcode = 'invalid_parameter_value';
    end if;
    if octet_length(antares_trigger.param::text) > 1048576 then
        raise exception 'param is larger than 1 MiB' using errcode = 'invalid_parameter_value';
    end if;
    made := nextval(pg_get_serial_sequence('instance', 'id'));
    if antares_trigger.idempotency_key is not null then
        -- Waits for another transaction that is using the same key.
        insert into trigger_key (job_id, key, instance_id) values (target.id, antares_trigger.idempotency_key, made) on conflict do nothing;
        if not found then
            select k.instance_id into first from trigger_key k where k.job_id = target.id and k.key = antares_trigger.idempotency_key;
            return first;
        end if;
    end if;
    insert into instance_queued (id, job_id, app_id, trigger, scheduled_at, priority, param)
    values (made, target.id, target.app_id, 'sql', now(), target.priority, antares_trigger.param);
    return made;
end $$;
comment on function antares_trigger is 'Runs a job once the caller''s transaction has committed, in its turn by the job''s overlap policy. A repeat with the same idempotency_key answers the first instance.';
