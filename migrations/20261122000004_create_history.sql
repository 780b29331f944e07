-- History: only inserted into, partitioned by day (UTC), dropped by partition.
-- The server makes partitions ahead; the default ones catch what it could not foresee.

create table tick (
    job_id bigint not null,
    scheduled_at timestamptz not null,
    last_scheduled_at timestamptz not null,
    count bigint not null default 1 check (count > 0),
    outcome text not null check (outcome in ('fired', 'skipped', 'coalesced')),
    reason text,
    instance_id bigint,
    server_id uuid,
    decided_at timestamptz not null default now(),
    primary key (job_id, scheduled_at)
) partition by range (scheduled_at);
comment on table tick is 'Every time at which a schedule was due, once, and what became of it.';
create table tick_default partition of tick default;

create table instance_ended (
    id bigint not null,
    job_id bigint not null,
    app_id bigint not null,
    job_version integer not null,
    state text not null check (state in ('succeeded', 'failed', 'terminated', 'timed_out')),
    trigger text not null,
    scheduled_at timestamptz not null,
    fired_at timestamptz not null,
    ended_at timestamptz not null default now(),
    param jsonb,
    server_id uuid,
    total integer not null,
    succeeded integer not null,
    failed integer not null,
    cancelled integer not null,
    reason text,
    primary key (id, ended_at)
) partition by range (ended_at);
comment on table instance_ended is 'Firings that have ended.';
create index instance_ended_job_idx on instance_ended (job_id, id desc);
create table instance_ended_default partition of instance_ended default;

create table attempt_ended (
    instance_id bigint not null,
    item integer not null,
    attempt smallint not null,
    final boolean not null,
    outcome text not null check (outcome in ('succeeded', 'failed', 'later', 'lost', 'returned', 'timed_out', 'cancelled')),
    client_id uuid,
    claimed_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz not null default now(),
    error text,
    output text
) partition by range (ended_at);
comment on table attempt_ended is 'Claims that have ended. The final one of a shard tells how the shard ended.';
create index attempt_ended_shard_idx on attempt_ended (instance_id, item);
create table attempt_ended_default partition of attempt_ended default;

create table shard_log (
    shard_id bigint not null,
    id bigint not null generated always as identity,
    attempt smallint not null,
    received_at timestamptz not null default now(),
    logged_at timestamptz not null,
    level text not null,
    message text not null
) partition by range (received_at);
comment on table shard_log is 'Lines that handlers logged.';
create index shard_log_shard_idx on shard_log (shard_id, id);
create table shard_log_default partition of shard_log default;
