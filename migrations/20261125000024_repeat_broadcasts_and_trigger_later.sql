-- A rerun of a broadcast is for the clients whose shards did not succeed: one that has had its shard gets no other's.
create or replace function shards_had(client uuid, instance bigint) returns bigint language sql volatile as $$
    with recursive chain (id, depth) as (
        select instance, 0
        union all
        select i.cause_id, c.depth + 1 from chain c
        cross join lateral (
            select r.cause_id from instance r where r.id = c.id and r.trigger = 'rerun'
            union all
            select e.cause_id from instance_ended e where e.id = c.id and e.trigger = 'rerun'
        ) i
    )
    select coalesce(sum(bit_count(t.mask::bit(64))), 0)::bigint
    from chain c join attempt_ended t on t.instance_id = c.id
    where t.client_id = client and t.final and (c.depth = 0 or t.outcome = 'succeeded')
$$;

-- With priority and delay, as the API has them.
drop function antares_trigger(text, text, jsonb, text);
create function antares_trigger(app text, job text, param jsonb default null, idempotency_key text default null, priority integer default null,
    delay interval default null) returns bigint
language plpgsql volatile set search_path from current as $$
#variable_conflict use_column
declare
    target record;
    made bigint;
    first bigint;
    later interval := coalesce(antares_trigger.delay, interval '0');
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
    if antares_trigger.priority not between -1000 and 1000 then
        raise exception 'priority % is not allowed', antares_trigger.priority using errcode = 'invalid_parameter_value', hint = 'Give -1000 to 1000.';
    end if;
    if later < interval '0' or later > interval '366 days' then
        raise exception 'delay % is not allowed', later using errcode = 'invalid_parameter_value', hint = 'Give up to 366 days.';
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
    insert into instance_queued (id, job_id, app_id, trigger, scheduled_at, due_at, priority, param)
    values (made, target.id, target.app_id, 'sql', now() + later, now() + later, coalesce(antares_trigger.priority, target.priority), antares_trigger.param);
    return made;
end $$;
comment on function antares_trigger is 'Runs a job once the caller''s transaction has committed, in its turn by the job''s overlap policy, after the delay if one is given. A repeat with the same idempotency_key answers the first instance.';

-- Which instances wait is asked by the clock: one that was queued while this waited for the lock is due after the beginning
-- of this transaction, and was not counted, so that one more waited than may.
create or replace function firing_place(job bigint) returns smallint language plpgsql volatile as $$
declare
    s job_schedule;
    waiting bigint;
    free smallint;
begin
    select * into s from job_schedule where job_id = job for no key update;
    select (select count(*) from instance_queued q where q.job_id = job and q.due_at <= clock_timestamp())
        + (select count(*) from dependency_event e where s.is_dynamic and e.job_id = job and e.state = 'planned') into waiting;
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
