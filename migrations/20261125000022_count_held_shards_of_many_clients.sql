-- A function in SQL is planned anew for each statement that calls it, and started anew for each row: a quarter of what a
-- claim cost. This one is called once for all proposals of a claim, and its plan is kept.
create function shards_held(clients uuid[], instances bigint[], caps integer[]) returns bigint[] language plpgsql volatile as $$
begin
    return array(
        select case when p.cap = 0 then 0 else (
            select coalesce(sum(bit_count(r.open::bit(64))), 0)::bigint from shard_running r
            where r.client_id = p.client_id and r.instance_id = p.instance_id
        ) end
        from unnest(clients, instances, caps) with ordinality as p (client_id, instance_id, cap, ord) order by p.ord);
end $$;
comment on function shards_held(uuid[], bigint[], integer[]) is 'How many shards of an instance a client holds, for each pair with a cap other than 0. Volatile, so that it sees what committed while the statement that calls it waited for a lock.';
