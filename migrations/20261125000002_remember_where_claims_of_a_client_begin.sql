-- While somebody holds a snapshot, ended claims stay in the index of claims, and a renewal read all of those of its
-- client, under the lock of its lease. Now it begins at the oldest instance of which the client can hold anything.
alter table client_lease add column held_from bigint not null default 0;
comment on column client_lease.held_from is 'The client holds no shard of an instance below this id. A renewal raises it, a claim lowers it.';

create function first_held(client uuid, held_from bigint) returns bigint language sql volatile as $$
    select r.instance_id from shard_running r where r.client_id = client and r.instance_id >= held_from order by r.instance_id limit 1
$$;
comment on function first_held is 'The lowest instance of which a client holds a shard, if it holds one. Volatile, so that it sees what committed while the statement that calls it waited for a lock.';
drop function client_holds(uuid);
