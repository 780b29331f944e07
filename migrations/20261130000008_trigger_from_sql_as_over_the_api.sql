-- As before, and: a parameter of null means the job's own, and keys that the API refuses are refused.
create or replace function antares_trigger(app text, job text, param jsonb default null, idempotency_key text default null, priority integer default null,
    delay interval default null) returns bigint
language plpgsql volatile set search_path from current as $$
#variable_conflict use_column
declare
    target record;
    made bigint;
    first bigint;
    later interval := coalesce(antares_trigger.delay, interval '0');
    -- As over the API: null is no parameter of its own.
    own jsonb := nullif(antares_trigger.param, 'null');
    fault text := param_fault(antares_trigger.param);
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
    if length(antares_trigger.idempotency_key) not between 1 and 200 or antares_trigger.idempotency_key ~ '[[:cntrl:]]|^[[:space:]]|[[:space:]]$' then
        raise exception 'idempotency_key must have 1 to 200 characters, and not start or end with a space or hold control characters'
            using errcode = 'invalid_parameter_value';
    end if;
    if octet_length(antares_trigger.param::text) > 1048576 then
        raise exception 'param is larger than 1 MiB' using errcode = 'invalid_parameter_value';
    end if;
    if fault is not null then
        raise exception 'param %', fault using errcode = 'invalid_parameter_value';
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
    values (made, target.id, target.app_id, 'sql', now() + later, now() + later, coalesce(antares_trigger.priority, target.priority), own);
    return made;
end $$;
-- As before; to replace a function sets these anew.
do $$
begin
    execute format('alter function antares_trigger(text, text, jsonb, text, integer, interval) security definer set search_path = %I, pg_temp',
        current_schema());
end $$;
