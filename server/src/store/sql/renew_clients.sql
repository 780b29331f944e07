-- Extends the leases of the clients $1 that stand: to $2 ms from now, or $3 ms if the client holds nothing, which
-- "idle" says. Answers a row for each claim that each of them holds, and one without for who holds none; a client that
-- is not answered has no lease any more.
with live as materialized (
    select client_id from client_lease where client_id = any ($1::uuid[]) and expires_at > now()
    order by client_id for no key update
), renewed as (
    -- By key and not joined: planned while the table was empty, a join compares all with all.
    update client_lease l set (expires_at, held_from) = (
        select now() + case when f.first is null then $3::bigint else $2::bigint end * interval '1 ms',
            -- Who holds nothing cannot hold anything of what has been fired so far, unless a claim says so.
            coalesce(f.first, greatest(l.held_from, pg_sequence_last_value('instance_id_seq')))
        -- "offset 0" keeps this one look from becoming two.
        from (select first_held(l.client_id, l.held_from) as first offset 0) f)
    where client_id = any (array(select client_id from live)) and expires_at > now()
    returning client_id, expires_at, held_from
)
select n.client_id, n.expires_at > now() + $2::bigint * interval '1 ms' as idle, r.instance_id, r.chunk, r.attempt, r.open, r.claimed_at < now() - $2::bigint * interval '1 ms' as old
from renewed n
-- "offset 0" keeps the look-ups from becoming a join.
left join lateral (select * from shard_running r where r.client_id = n.client_id and r.instance_id >= n.held_from offset 0) r on true
