-- How many shards may run at once: of a job, of an app, and of all jobs that name a limit.
create table claim_limit (
    key text primary key,
    most integer not null check (most > 0),
    description text not null default '',
    updated_at timestamptz not null default now()
);
comment on table claim_limit is 'Limits of running shards. Claims lock a row to count against it, so that the limit is exact over all servers.';
comment on column claim_limit.key is 'job:ID, app:ID, or name:NAME for one that jobs name.';

create table claim_use (
    key text not null,
    claim_id bigint not null,
    primary key (key, claim_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
comment on table claim_use is 'Claims that count against a limit, for as long as their row in shard_running is there; others are swept.';

create function claims_left(limited text, most integer) returns bigint language plpgsql volatile as $$
begin
    delete from claim_use u where u.key = limited and not exists (select from shard_running r where r.id = u.claim_id);
    return greatest(0, most - (select coalesce(sum(bit_count(r.open::bit(64))), 0)
        from claim_use u join shard_running r on r.id = u.claim_id where u.key = limited));
end $$;
comment on function claims_left is 'How many more shards may run under a limit, whose row is locked. Volatile, so that it sees what committed while the statement that calls it waited for the lock.';

create view limit_view as
select l.key, l.most, l.description,
    (select coalesce(sum(mask_count(r.open)), 0) from claim_use u join shard_running r on r.id = u.claim_id where u.key = l.key) as running,
    l.updated_at
from claim_limit l;
comment on view limit_view is 'Limits of running shards.';
comment on column limit_view.key is 'job:ID, app:ID, or name:NAME for one that jobs name.';
comment on column limit_view.most is 'How many shards may run at once.';
comment on column limit_view.description is 'What it is for.';
comment on column limit_view.running is 'How many run now.';
comment on column limit_view.updated_at is 'When it was last changed.';
