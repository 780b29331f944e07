-- Apps, jobs and their schedules.

create table app (
    id bigint generated always as identity primary key,
    name text not null,
    description text not null default '',
    secret_hash text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
create unique index app_name_key on app (name) where deleted_at is null;
comment on table app is 'A group of clients that share a name and a secret.';
comment on column app.deleted_at is 'Set when deleted; the row stays so that history keeps its name.';
comment on column app.secret_hash is 'Argon2id in PHC form; the secret itself is stored nowhere.';

create table job (
    id bigint generated always as identity primary key,
    app_id bigint not null references app (id),
    name text not null,
    state text not null check (state in ('disabled', 'stopped', 'waiting', 'paused')),
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    deleted_at timestamptz
);
comment on table job is 'What to run and when. Its definition is the row of job_version that version names.';
comment on column job.state is '"Running" is not stored: it is waiting, with a row in instance.';
comment on column job.deleted_at is 'Set when deleted; the row stays so that history keeps its name.';
create unique index job_name_key on job (app_id, name) where deleted_at is null;

create table job_version (
    job_id bigint not null references job (id),
    version integer not null,
    definition jsonb not null,
    author text not null,
    created_at timestamptz not null default now(),
    primary key (job_id, version)
);
comment on table job_version is 'Definitions of jobs, never changed: an instance snapshots its configuration by naming one.';
comment on column job_version.definition is 'JobSpec of the protocol crate.';

create table job_schedule (
    job_id bigint primary key references job (id),
    bucket smallint not null generated always as ((job_id % 256)::smallint) stored,
    app_id bigint not null,
    version integer not null,
    cron text,
    time_zone text not null,
    shard_count integer not null,
    max_attempts smallint not null,
    instance_timeout_ms bigint not null,
    next_fire_at timestamptz,
    prev_fire_at timestamptz
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table job_schedule is 'All that the firing statement needs of a job, in one narrow row.';
comment on column job_schedule.next_fire_at is 'The next tick; null while the job does not fire by itself.';
comment on column job_schedule.prev_fire_at is 'The last tick that was fired or skipped.';
create index job_schedule_due_idx on job_schedule (bucket, next_fire_at) where next_fire_at is not null;

create table user_account (
    name text primary key,
    password_hash text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table user_account is 'People who may use the admin API and the console.';

create table session (
    token_hash bytea primary key,
    user_name text not null references user_account (name) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
comment on table session is 'Logins. Only the SHA-256 of a session''s token is stored.';
