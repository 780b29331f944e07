-- What a failure means is read from the definition when there is one, so that shards that succeed pay nothing for it.
create function retry_of(job bigint, version integer, attempt smallint) returns bigint[] language sql stable as $$
    select array[
        case v.definition -> 'retry' ->> 'backoff'
            when 'exponential' then least(r.delay * 2.0 ^ least(attempt - 1, 40), coalesce((v.definition -> 'retry' ->> 'max_delay_ms')::numeric, 3600000))::bigint
            else r.delay end,
        coalesce((v.definition -> 'retry' ->> 'jitter_percent')::bigint, 0)]
    from job_version v
    cross join lateral (select (v.definition -> 'retry' ->> 'delay_ms')::bigint as delay) r
    where v.job_id = job and v.version = retry_of.version and r.delay is not null
$$;
comment on function retry_of is 'How many ms a failed attempt waits before the next one, and by how many percent of that the wait may be shorter; null if failed is failed.';

create function allowed_failures(job bigint, version integer) returns integer language sql stable as $$
    select coalesce((v.definition ->> 'allowed_failures')::integer, 0) from job_version v where v.job_id = job and v.version = allowed_failures.version
$$;
comment on function allowed_failures is 'How many shards of an instance may fail without it failing.';

create function is_hopeless(job bigint, version integer, failed integer) returns boolean language sql stable as $$
    select coalesce((v.definition ->> 'cancel_on_failure')::boolean, false) and failed > coalesce((v.definition ->> 'allowed_failures')::integer, 0)
    from job_version v where v.job_id = job and v.version = is_hopeless.version
$$;
comment on function is_hopeless is 'Whether the rest of an instance with so many failed shards is to be cancelled.';
