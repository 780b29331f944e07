-- Servers, buckets of jobs, and clients: who is alive and who owns what.

create table server (
    id uuid primary key,
    lock_id integer generated always as identity unique,
    host text not null,
    pid integer not null,
    address text not null,
    version text not null,
    started_at timestamptz not null default now(),
    expires_at timestamptz not null,
    draining boolean not null default false,
    left_at timestamptz
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);
comment on table server is 'Replicas. A live one has left_at null, a future expires_at and holds the advisory lock lock_id.';

create table bucket_lease (
    bucket smallint primary key check (bucket between 0 and 255),
    owner uuid,
    epoch bigint not null default 0,
    expires_at timestamptz not null default '-infinity'
) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);
comment on table bucket_lease is 'Which server fires the jobs of a bucket. The epoch rises with each change of owner and fences the old one off.';
insert into bucket_lease (bucket) select generate_series(0, 255);

create table client (
    id uuid primary key,
    app_id bigint not null references app (id),
    host text not null,
    ip text not null,
    pid bigint not null,
    sdk text not null,
    version text not null,
    handlers text[] not null,
    labels jsonb not null,
    slots integer not null,
    registered_at timestamptz not null default now(),
    left_at timestamptz
);
comment on table client is 'Processes of apps. The row stays after the client has left, so that history can name it.';
create index client_app_idx on client (app_id) where left_at is null;

create table client_lease (
    client_id uuid primary key,
    expires_at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
comment on table client_lease is 'A client is alive while its row is here and expires_at is in the future. Its claims stand as long.';
