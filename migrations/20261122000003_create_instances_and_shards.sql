-- Running work. These tables are small: a row leaves when what it stands for ends.
-- They have no triggers and no foreign keys, and rows of shard_* are only inserted and deleted.

create table instance (
    id bigint generated always as identity primary key,
    job_id bigint not null,
    app_id bigint not null,
    job_version integer not null,
    trigger text not null check (trigger in ('schedule', 'api')),
    scheduled_at timestamptz not null,
    fired_at timestamptz not null default now(),
    deadline_at timestamptz,
    param jsonb,
    server_id uuid,
    max_attempts smallint not null,
    total integer not null check (total > 0),
    remaining integer not null check (remaining >= 0),
    succeeded integer not null default 0,
    failed integer not null default 0
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table instance is 'Firings that run. The statement that ends the last shard moves the row to instance_ended.';
comment on column instance.param is 'Parameter given by the trigger instead of the job''s own; null if none was.';
comment on column instance.remaining is 'Shards that have not ended; changed only under the row''s lock.';
-- One instance of a job at a time.
create unique index instance_job_key on instance (job_id);
create index instance_deadline_idx on instance (deadline_at) where deadline_at is not null;

create table shard_ready (
    instance_id bigint not null,
    id bigint not null generated always as identity,
    item integer not null,
    attempt smallint not null,
    primary key (instance_id, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
comment on table shard_ready is 'Shards that wait for a client. id is the place in the queue: a requeued shard gets a new one, so that readers never look back.';

create table shard_delayed (
    instance_id bigint not null,
    item integer not null,
    attempt smallint not null,
    due_at timestamptz not null,
    primary key (instance_id, item)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
comment on table shard_delayed is 'Shards that may be claimed from due_at on.';
create index shard_delayed_due_idx on shard_delayed (due_at);

create table shard_running (
    client_id uuid not null,
    shard_id bigint not null,
    attempt smallint not null,
    claimed_at timestamptz not null default now(),
    deadline_at timestamptz,
    primary key (client_id, shard_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);
comment on table shard_running is 'Claims. (shard_id, attempt) is the fencing token; shard_id is instance_id * 131072 + item.';
create index shard_running_deadline_idx on shard_running (deadline_at) where deadline_at is not null;

create function shards_held(client uuid, instance bigint) returns bigint language sql volatile as $$
    select count(*) from shard_running r
    where r.client_id = client and r.shard_id >= instance << 17 and r.shard_id < (instance + 1) << 17
$$;
comment on function shards_held is 'How many shards of an instance a client holds. Volatile, so that it sees what committed while the statement that calls it waited for a lock.';

create table trigger_key (
    job_id bigint not null,
    key text not null,
    instance_id bigint not null,
    created_at timestamptz not null default now(),
    primary key (job_id, key)
);
comment on table trigger_key is 'Idempotency keys of triggers.';
