-- Extends the leases of the clients $1 that stand, to $2 ms from now. Answers a row for each claim that each of them
-- holds, and one without for who holds none; a client that is not answered has no lease any more.
with live as materialized (
    select client_id from client_lease where client_id = any ($1) and expires_at > now()
    order by client_id for no key update
), renewed as (
    update client_lease l set expires_at = now() + $2 * interval '1 ms'
    from live where l.client_id = live.client_id and l.expires_at > now()
    returning l.client_id
)
select n.client_id, r.instance_id, r.chunk, r.attempt, r.open, r.claimed_at < now() - $2 * interval '1 ms' as old
from renewed n left join shard_running r on r.client_id = n.client_id
