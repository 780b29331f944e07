-- One answer for who ends a broadcast that waits for nobody and for who explains what one waits for.
create function broadcast_takers(instance bigint) returns setof uuid language sql volatile as $$
    select c.id from instance i join client c on c.app_id = i.app_id
    join client_lease l on l.client_id = c.id and l.expires_at > now()
    where i.id = broadcast_takers.instance and c.left_at is null and broadcast_share(c.id, i.id) > 0
$$;
comment on function broadcast_takers is 'Which living clients of its app may be given a shard of a broadcast that waits.';
comment on column instance.clients is 'Of a broadcast: who was alive at the start and could run it; of a rerun of one, whose shards did not succeed. Null for all else.';
