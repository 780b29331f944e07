-- Instances whose shards are found out when they start: one for each client, or as a handler has planned.
alter table instance add column phase text not null default 'run' check (phase in ('run', 'plan', 'broadcast'));
alter table instance add column plan jsonb;
alter table instance_queued add column plan jsonb;
alter table instance_ended add column plan jsonb;
alter table instance_ended add column phase text not null default 'run';
comment on column instance.phase is 'run; plan: its shard says what another instance is split into; broadcast: each client gets one shard.';
comment on column instance.plan is 'Parameters of the shards, if they were planned.';
comment on column instance_queued.plan is 'Parameters of the shards, if they were planned.';
comment on column instance_ended.plan is 'Parameters of the shards, if they were planned.';
create index instance_broadcast_idx on instance (id) where phase = 'broadcast';

create function shards_had(client uuid, instance bigint) returns bigint language sql volatile as $$
    select coalesce(sum(bit_count(t.mask::bit(64))), 0)::bigint from attempt_ended t
    where t.instance_id = instance and t.client_id = client and t.final
$$;
comment on function shards_had is 'How many shards of an instance ended with a client. Volatile, so that it sees what committed while the statement that calls it waited for a lock.';

-- A plan that has ended, and is yet to be carried out, has the place of its instance.
create or replace function firing_place(job bigint) returns smallint language plpgsql volatile as $$
declare
    s job_schedule;
    waiting bigint;
    free smallint;
begin
    select * into s from job_schedule where job_id = job for no key update;
    select (select count(*) from instance_queued q where q.job_id = job and q.due_at <= now())
        + (select count(*) from dependency_event e where s.is_dynamic and e.job_id = job and e.state = 'planned') into waiting;
    if waiting = 0 then
        select min(n) into free from generate_series(0, s.slots - 1) n
        where not exists (select from instance i where i.job_id = job and i.slot = n);
    end if;
    return case
        when free is not null and not s.is_dynamic then free
        when free is not null or s.replaces or waiting < s.queue then -1
        else -2
    end;
end $$;
