-- Attempts name their job, so that history is read by job and with parameters without looking for the instance in
-- every day.
alter table attempt_ended add column job_id bigint, add column job_version integer;
comment on column attempt_ended.job_version is 'The version of the definition that its instance ran with.';
update attempt_ended t set job_id = i.job_id, job_version = i.job_version
from (select id, job_id, job_version from instance union all select id, job_id, job_version from instance_ended) i
where i.id = t.instance_id;

create function shard_param(definition jsonb, item integer) returns jsonb language plpgsql immutable parallel safe cost 1000 as $$
begin
    return definition -> 'shard_params' -> item;
end $$;
comment on function shard_param is 'Parameter of a shard. Dear, so that it is read for the rows of a page and not for all that are sorted for it.';

create or replace view attempt_history as
select (t.instance_id << 17) + t.chunk::integer * 64 + s.bit as shard_id, t.instance_id, t.chunk::integer * 64 + s.bit as item, t.attempt, t.outcome,
    t.final, t.client_id, c.host as client_host, c.pid as client_pid, t.claimed_at, x.started_at, t.ended_at,
    (extract(epoch from t.ended_at - x.started_at) * 1000)::bigint as duration_ms, s.error, s.output, t.job_id
from attempt_ended t
cross join lateral rows from (unnest(mask_bits(t.mask)), unnest(t.started_at), unnest(t.errors), unnest(t.outputs))
    as s (bit, told_at, error, output)
-- A client's clock informs; it never leaves the window that the database saw.
cross join lateral (select least(greatest(s.told_at, t.claimed_at), t.ended_at) as started_at where true) x
left join client c on c.id = t.client_id;
comment on column attempt_history.job_id is 'Its job.';

create or replace view shard_history as
select (t.instance_id << 17) + t.chunk::integer * 64 + s.bit as shard_id, t.instance_id, t.chunk::integer * 64 + s.bit as item,
    shard_param(v.definition, t.chunk::integer * 64 + s.bit) as param,
    case t.outcome when 'succeeded' then 'succeeded' when 'cancelled' then 'cancelled' else 'failed' end as state,
    t.attempt as attempts, t.client_id, c.host as client_host, c.pid as client_pid, t.claimed_at, x.started_at, t.ended_at,
    (extract(epoch from t.ended_at - x.started_at) * 1000)::bigint as duration_ms, s.error, s.output, t.job_id
from attempt_ended t
cross join lateral rows from (unnest(mask_bits(t.mask)), unnest(t.started_at), unnest(t.errors), unnest(t.outputs))
    as s (bit, told_at, error, output)
cross join lateral (select least(greatest(s.told_at, t.claimed_at), t.ended_at) as started_at where true) x
left join client c on c.id = t.client_id
left join job_version v on v.job_id = t.job_id and v.version = t.job_version
where t.final;
comment on column shard_history.job_id is 'Its job.';
