-- What waits to start has one of the places: while any did, none was free, though the policy allows more.
create or replace function firing_place(job bigint) returns smallint language plpgsql volatile as $$
declare
    s job_schedule;
    waiting bigint;
    running bigint;
    free smallint;
begin
    select * into s from job_schedule where job_id = job for no key update;
    select count(*) into waiting from instance_queued q where q.job_id = job and q.due_at <= clock_timestamp() and q.plan is null;
    if waiting = 0 and not s.is_dynamic then
        select min(n) into free from generate_series(0, s.slots - 1) n
        where not exists (select from instance i where i.job_id = job and i.slot = n);
    end if;
    select count(*) + planned_runs(job) into running from instance i where i.job_id = job;
    return case
        when free is not null then free
        when s.replaces or running + waiting < s.slots + s.queue then -1
        else -2
    end;
end $$;
