-- Shards in chunks: one row for up to 64 consecutive shards of an instance, on every table that shards pass
-- through. Firing, claiming and ending cost a row for each chunk and not for each shard; see
-- docs/decisions/0010-shards-are-kept-in-chunks.md.
--
-- Chunk c of an instance holds its items 64 * c to 64 * c + 63. In a mask, bit b stands for item 64 * c + b.

drop view shard_history;
drop view attempt_history;
drop view client_view;
drop function shards_held;

create function chunk_mask(item integer, n integer) returns bigint language sql immutable parallel safe as $$
    select case when n >= 64 then -1::bigint else ~(-1::bigint << n) << (item & 63) end
$$;
comment on function chunk_mask is 'The mask of n consecutive items of one chunk, from item on.';

create function mask_count(mask bigint) returns integer language sql immutable parallel safe as $$
    select bit_count(mask::bit(64))::integer
$$;
comment on function mask_count is 'How many items a mask has.';

create function mask_bits(mask bigint) returns integer[] language sql immutable parallel safe as $$
    select array_agg(b order by b) from generate_series(0, 63) b where mask >> b & 1 = 1
$$;
comment on function mask_bits is 'The bits of a mask, ascending.';

create function mask_pick(vals anyarray, mask bigint, hit bigint) returns anyarray language sql immutable parallel safe as $$
    select array_agg(v.v order by v.k) from unnest(vals) with ordinality v (v, k)
    join unnest(mask_bits(mask)) with ordinality b (b, k) on b.k = v.k
    where hit >> b.b & 1 = 1
$$;
comment on function mask_pick is 'Of values that belong to the bits of mask, in order, those whose bit is also in hit.';

alter table shard_ready add column n smallint not null default 1 check (n between 1 and 64);
alter table shard_ready alter column n drop default;
comment on table shard_ready is 'Shards that wait for a client: n consecutive ones from item on, of one chunk. id is the place in the queue: a requeued shard gets a new one, so that readers never look back.';
-- Firing writes n consecutive shards in one row; these were written one by one.

alter table shard_running rename to shard_running_old;
alter table shard_running_old rename constraint shard_running_pkey to shard_running_old_pkey;
alter index shard_running_deadline_idx rename to shard_running_old_deadline_idx;
create table shard_running (
    id bigint generated always as identity primary key,
    client_id uuid not null,
    instance_id bigint not null,
    chunk smallint not null,
    attempt smallint not null,
    open bigint not null,
    claimed_at timestamptz not null default now(),
    deadline_at timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
comment on table shard_running is 'Claims: shards of one chunk that one client got at once. (shard_id, attempt) is the fencing token; shard_id is instance_id * 131072 + item.';
comment on column shard_running.open is 'Mask of the shards that have not ended. The row goes with the last of them.';
create index shard_running_client_idx on shard_running (client_id, instance_id, chunk);
create index shard_running_deadline_idx on shard_running (deadline_at) where deadline_at is not null;
insert into shard_running (client_id, instance_id, chunk, attempt, open, claimed_at, deadline_at)
select client_id, shard_id >> 17, ((shard_id & 131071) >> 6)::smallint, attempt, 1::bigint << (shard_id & 63)::integer, claimed_at, deadline_at
from shard_running_old;
drop table shard_running_old;

create function shards_held(client uuid, instance bigint) returns bigint language sql volatile as $$
    select coalesce(sum(bit_count(r.open::bit(64))), 0)::bigint from shard_running r where r.client_id = client and r.instance_id = instance
$$;
comment on function shards_held is 'How many shards of an instance a client holds. Volatile, so that it sees what committed while the statement that calls it waited for a lock.';

create table attempt_ended_flat as select * from attempt_ended;
drop table attempt_ended;
create table attempt_ended (
    instance_id bigint not null,
    chunk smallint not null,
    attempt smallint not null,
    final boolean not null,
    outcome text not null check (outcome in ('succeeded', 'failed', 'later', 'lost', 'returned', 'timed_out', 'cancelled')),
    mask bigint not null check (mask <> 0),
    client_id uuid,
    claimed_at timestamptz,
    ended_at timestamptz not null default now(),
    started_at timestamptz[],
    errors text[],
    outputs text[]
) partition by range (ended_at);
comment on table attempt_ended is 'Claims that have ended, those of one chunk that ended alike and together in one row. attempt_history shows them one by one.';
comment on column attempt_ended.mask is 'Which shards of the chunk.';
comment on column attempt_ended.started_at is 'For each bit of mask, in order; null if not known of any. So are errors and outputs.';
comment on column attempt_ended.final is 'Whether the shards ended with it.';
create index attempt_ended_chunk_idx on attempt_ended (instance_id, chunk);
create table attempt_ended_default partition of attempt_ended default;
do $$
declare
    day date;
begin
    for day in select distinct (ended_at at time zone 'UTC')::date from attempt_ended_flat loop
        execute format('create table attempt_ended_%s partition of attempt_ended for values from (%L) to (%L)',
            to_char(day, 'YYYYMMDD'), day::text || ' 00:00Z', (day + 1)::text || ' 00:00Z');
    end loop;
end $$;
insert into attempt_ended (instance_id, chunk, attempt, final, outcome, mask, client_id, claimed_at, ended_at, started_at, errors, outputs)
select instance_id, (item >> 6)::smallint, attempt, final, outcome, 1::bigint << (item & 63), client_id, claimed_at, ended_at,
    case when started_at is not null then array[started_at] end, case when error is not null then array[error] end,
    case when output is not null then array[output] end
from attempt_ended_flat;
drop table attempt_ended_flat;

create view attempt_history as
select (t.instance_id << 17) + t.chunk::integer * 64 + s.bit as shard_id, t.instance_id, t.chunk::integer * 64 + s.bit as item, t.attempt, t.outcome,
    t.final, t.client_id, c.host as client_host, c.pid as client_pid, t.claimed_at, x.started_at, t.ended_at,
    (extract(epoch from t.ended_at - x.started_at) * 1000)::bigint as duration_ms, s.error, s.output
from attempt_ended t
cross join lateral rows from (unnest(mask_bits(t.mask)), unnest(t.started_at), unnest(t.errors), unnest(t.outputs))
    as s (bit, told_at, error, output)
-- A client's clock informs; it never leaves the window that the database saw.
cross join lateral (select least(greatest(s.told_at, t.claimed_at), t.ended_at) as started_at where true) x
left join client c on c.id = t.client_id;
comment on view attempt_history is 'Every claim of a shard that has ended. Give a range of ended_at to read few partitions.';
comment on column attempt_history.shard_id is 'The shard: instance_id * 131072 + item.';
comment on column attempt_history.instance_id is 'Its instance.';
comment on column attempt_history.item is 'Its index, from 0.';
comment on column attempt_history.attempt is 'From 1; 0 if the shard was cancelled before anyone claimed it.';
comment on column attempt_history.outcome is 'succeeded, failed, later, lost, returned, timed_out or cancelled.';
comment on column attempt_history.final is 'Whether the shard ended with it.';
comment on column attempt_history.client_id is 'Who had it; null if nobody.';
comment on column attempt_history.client_host is 'Host of the client; null once the client is forgotten.';
comment on column attempt_history.client_pid is 'Process number of the client.';
comment on column attempt_history.claimed_at is 'When it was claimed.';
comment on column attempt_history.started_at is 'By the client''s clock, kept within claimed_at and ended_at.';
comment on column attempt_history.ended_at is 'When it ended.';
comment on column attempt_history.duration_ms is 'From started_at to ended_at; null if nobody had it.';
comment on column attempt_history.error is 'What went wrong.';
comment on column attempt_history.output is 'What it produced.';

create view shard_history as
select h.shard_id, h.instance_id, h.item,
    v.definition -> 'shard_params' -> h.item as param,
    case h.outcome when 'succeeded' then 'succeeded' when 'cancelled' then 'cancelled' else 'failed' end as state,
    h.attempt as attempts, h.client_id, h.client_host, h.client_pid, h.claimed_at, h.started_at, h.ended_at, h.duration_ms, h.error, h.output
from attempt_history h
left join instance i on i.id = h.instance_id
left join instance_ended e on e.id = h.instance_id
left join job_version v on v.job_id = coalesce(i.job_id, e.job_id) and v.version = coalesce(i.job_version, e.job_version)
where h.final;
comment on view shard_history is 'Shards that have ended.';
comment on column shard_history.state is 'succeeded, failed or cancelled.';
comment on column shard_history.attempts is 'How often it was claimed.';
comment on column shard_history.shard_id is 'The shard: instance_id * 131072 + item.';
comment on column shard_history.instance_id is 'Its instance.';
comment on column shard_history.item is 'Its index, from 0.';
comment on column shard_history.param is 'Its parameter; null if none is configured.';
comment on column shard_history.client_id is 'Who had it last; null if nobody.';
comment on column shard_history.client_host is 'Host of that client; null once the client is forgotten.';
comment on column shard_history.client_pid is 'Process number of that client.';
comment on column shard_history.claimed_at is 'When it was claimed last.';
comment on column shard_history.started_at is 'When its last attempt started, by the client''s clock, kept within claimed_at and ended_at.';
comment on column shard_history.ended_at is 'When it ended.';
comment on column shard_history.duration_ms is 'From started_at to ended_at.';
comment on column shard_history.error is 'What went wrong.';
comment on column shard_history.output is 'What it produced.';

create view client_view as
select c.id as client_id, a.name as app, c.host, c.ip, c.pid, c.sdk, c.version, c.handlers, c.labels, c.slots,
    (select coalesce(sum(mask_count(r.open)), 0) from shard_running r where r.client_id = c.id) as running,
    c.registered_at, l.expires_at
from client c
join client_lease l on l.client_id = c.id and l.expires_at > now()
join app a on a.id = c.app_id;
comment on view client_view is 'Client processes that are alive.';
comment on column client_view.client_id is 'The client; a new one at each registration.';
comment on column client_view.app is 'Name of its app.';
comment on column client_view.host is 'Host name.';
comment on column client_view.ip is 'Address it gave.';
comment on column client_view.pid is 'Process number.';
comment on column client_view.sdk is 'Which SDK.';
comment on column client_view.version is 'Version of the SDK.';
comment on column client_view.handlers is 'Handlers it has.';
comment on column client_view.labels is 'Its labels.';
comment on column client_view.slots is 'How many shards it runs at once.';
comment on column client_view.running is 'How many it runs now.';
comment on column client_view.registered_at is 'When it registered.';
comment on column client_view.expires_at is 'Until when its lease stands.';
