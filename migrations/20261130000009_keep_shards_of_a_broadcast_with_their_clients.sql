-- A shard of a broadcast is of one client: of those that lived when it started each has one, and repeats it itself.
alter table instance add column clients uuid[];
comment on column instance.clients is 'Of a broadcast: who was alive at the start and could run it. Null for all else, and for a rerun.';

-- Volatile, all three, so that they see what committed while the statement that calls them waited for a lock.
create function shard_is_free(instance bigint, item integer, attempt smallint) returns boolean language sql volatile as $$
    select attempt = 0 or not exists (
        select from attempt_ended t join client_lease l on l.client_id = t.client_id and l.expires_at > now()
        where t.instance_id = shard_is_free.instance and t.chunk = shard_is_free.item / 64 and t.attempt = shard_is_free.attempt
            and t.mask & (1::bigint << (shard_is_free.item % 64)) <> 0)
$$;
comment on function shard_is_free is 'Whether a shard of a broadcast that waits after so many attempts is of no living client.';

create function shard_to_repeat(client uuid, instance bigint) returns bigint language sql volatile as $$
    select r.id from attempt_ended t
    join shard_ready r on r.instance_id = t.instance_id and r.attempt = t.attempt and r.item / 64 = t.chunk
        and t.mask & (1::bigint << (r.item % 64)) <> 0
    where t.instance_id = instance and t.client_id = client and not t.final
    limit 1
$$;
comment on function shard_to_repeat is 'The shard that waits to be run again by the client that had it last, as its row in shard_ready.';

create function broadcast_share(client uuid, instance bigint) returns integer language plpgsql volatile as $$
declare
    invited uuid[];
begin
    if shard_to_repeat(client, instance) is not null then
        return 2;
    end if;
    -- Who has had one, to its end or not, gets no other.
    if exists (select from attempt_ended t where t.instance_id = instance and t.client_id = client) or shards_had(client, instance) > 0
        or not exists (select from shard_ready r where r.instance_id = instance and shard_is_free(instance, r.item, r.attempt)) then
        return 0;
    end if;
    select i.clients into invited from instance i where i.id = instance;
    -- Who came later has the place of one that is gone, once all that are left have their own.
    if invited is null or client = any (invited) or not exists (
        select from unnest(invited) u (id) join client_lease l on l.client_id = u.id and l.expires_at > now()
        where not exists (select from attempt_ended t where t.instance_id = instance and t.client_id = u.id)
            and not exists (select from shard_running r where r.client_id = u.id and r.instance_id = instance)) then
        return 1;
    end if;
    return 0;
end $$;
comment on function broadcast_share is 'What a client that holds nothing of a broadcast may be given of it: 0 nothing, 1 a shard that is of no living client, 2 the one that it has to repeat.';
