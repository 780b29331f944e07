-- Rows of attempts name the version they ran with, so that the rows of shards are defined from them instead of repeating them.
create or replace view attempt_history as
select (t.instance_id << 17) + t.chunk::integer * 64 + s.bit as shard_id, t.instance_id, t.chunk::integer * 64 + s.bit as item, t.attempt, t.outcome,
    t.final, t.client_id, c.host as client_host, c.pid as client_pid, t.claimed_at, x.started_at, t.ended_at,
    (extract(epoch from t.ended_at - x.started_at) * 1000)::bigint as duration_ms, s.error, s.output, t.job_id, t.job_version
from attempt_ended t
cross join lateral rows from (unnest(mask_bits(t.mask)), unnest(t.started_at), unnest(t.errors), unnest(t.outputs))
    as s (bit, told_at, error, output)
-- A client's clock informs; it never leaves the window that the database saw.
cross join lateral (select least(greatest(s.told_at, t.claimed_at), t.ended_at) as started_at where true) x
left join client c on c.id = t.client_id;
comment on column attempt_history.job_id is 'Its job.';
comment on column attempt_history.job_version is 'Version of the definition it ran with.';

create or replace view shard_history as
select h.shard_id, h.instance_id, h.item, shard_param(v.definition, h.item) as param,
    case h.outcome when 'succeeded' then 'succeeded' when 'cancelled' then 'cancelled' else 'failed' end as state,
    h.attempt as attempts, h.client_id, h.client_host, h.client_pid, h.claimed_at, h.started_at, h.ended_at, h.duration_ms, h.error, h.output, h.job_id
from attempt_history h
left join job_version v on v.job_id = h.job_id and v.version = h.job_version
where h.final;
comment on column shard_history.job_id is 'Its job.';
