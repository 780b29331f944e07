-- A number that no integer holds was let in for jobs whose shards are found out at run time, and then no result of theirs
-- could be recorded. An instance has at most 100,000 shards.
create or replace function allowed_failures(job bigint, version integer) returns integer language sql stable as $$
    select least(coalesce((v.definition ->> 'allowed_failures')::numeric, 0), 100000)::integer
    from job_version v where v.job_id = job and v.version = allowed_failures.version
$$;

create or replace function is_hopeless(job bigint, version integer, failed integer) returns boolean language sql stable as $$
    select coalesce((v.definition ->> 'cancel_on_failure')::boolean, false) and failed > coalesce((v.definition ->> 'allowed_failures')::numeric, 0)
    from job_version v where v.job_id = job and v.version = is_hopeless.version
$$;
