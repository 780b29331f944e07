-- A planned run is one run: what its planning handler has made ready goes before all else that waits for the job, keeps the
-- place of the planning handler's instance, and takes none in the queue.
create index instance_queued_plan_idx on instance_queued (job_id) where plan is not null;
create index dependency_event_planned_idx on dependency_event (job_id) where state = 'planned';

create function planned_runs(job bigint) returns bigint language sql volatile as $$
    select (select count(*) from instance_queued q where q.job_id = job and q.plan is not null)
        + (select count(*) from dependency_event e where e.job_id = job and e.state = 'planned')
$$;
comment on function planned_runs is 'Runs of a job whose planning handler has ended and whose shards are yet to start: each has a place among those that run.';

create or replace function firing_place(job bigint) returns smallint language plpgsql volatile as $$
declare
    s job_schedule;
    waiting bigint;
    free smallint;
begin
    select * into s from job_schedule where job_id = job for no key update;
    select count(*) into waiting from instance_queued q where q.job_id = job and q.due_at <= clock_timestamp() and q.plan is null;
    if waiting = 0 then
        select min(n) into free from generate_series(0, s.slots - 1) n
        where not exists (select from instance i where i.job_id = job and i.slot = n)
            and (not s.is_dynamic or (select count(*) from instance i where i.job_id = job) + planned_runs(job) < s.slots);
    end if;
    return case
        when free is not null and not s.is_dynamic then free
        when free is not null or s.replaces or waiting < s.queue then -1
        else -2
    end;
end $$;
