-- The tables of Antares in their smallest form: ready and running shards apart, history partitioned by time.
-- `rows` has a row for each shard.
create schema bench_peer_pgbench;
set search_path = bench_peer_pgbench;

create table ready (
    id bigint generated always as identity primary key, job_id int not null, prio smallint not null default 0,
    run_at timestamptz not null default now(), attempt smallint not null default 0, payload bytea)
    with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index on ready (prio, run_at, id);
create table running (
    id bigint primary key, job_id int not null, prio smallint, run_at timestamptz, attempt smallint not null,
    owner int not null, lease_until timestamptz not null, started_at timestamptz not null default now(), payload bytea)
    with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create table history (
    shard_id bigint not null, job_id int not null, state "char" not null, attempt smallint not null,
    started_at timestamptz, finished_at timestamptz not null default now(), payload bytea)
    partition by range (finished_at);
create table history_all partition of history for values from (minvalue) to (maxvalue);
create index on history (job_id, finished_at desc);

-- `ranges` was considered too: shards are appended, a claim is a range of them.
create table range_shard (job_id int not null, seq bigint not null, payload bytea, primary key (job_id, seq));
create table range_cursor (job_id int primary key, next_seq bigint not null, max_seq bigint not null)
    with (fillfactor = 10);
create table range_claim (
    id bigint generated always as identity primary key, job_id int not null, lo bigint not null, hi bigint not null,
    owner int not null, lease_until timestamptz not null)
    with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
create table range_done (
    job_id int not null, lo bigint not null, hi bigint not null, finished_at timestamptz not null default now());

-- `chunks` is the one that Antares has: a row stands for up to 64 consecutive shards of an instance.
create table chunk_ready (
    id bigint generated always as identity primary key, instance_id bigint not null, item int not null,
    n smallint not null, prio smallint not null default 0, run_at timestamptz not null default now(),
    attempt smallint not null default 0)
    with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create index on chunk_ready (prio, run_at, id);
create table chunk_running (
    id bigint primary key, instance_id bigint not null, chunk smallint not null, attempt smallint not null,
    open bigint not null, owner int not null, claimed_at timestamptz not null default now(),
    lease_until timestamptz not null)
    with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
create table chunk_history (
    instance_id bigint not null, chunk smallint not null, attempt smallint not null, final boolean not null,
    outcome text not null, mask bigint not null, owner int, claimed_at timestamptz,
    ended_at timestamptz not null default now(), started_at timestamptz[], errors text[], outputs text[])
    partition by range (ended_at);
create table chunk_history_all partition of chunk_history for values from (minvalue) to (maxvalue);
create index on chunk_history (instance_id, chunk);
