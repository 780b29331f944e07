-- Extends the leases of the clients $1 that stand by $2 ms from now. Answers whose they are.
with live as materialized (
    select client_id from client_lease where client_id = any ($1::uuid[]) and expires_at > now()
    order by client_id for no key update
)
update client_lease l set expires_at = now() + $2::bigint * interval '1 ms'
from live where l.client_id = live.client_id and l.expires_at > now()
returning l.client_id
