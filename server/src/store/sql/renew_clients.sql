-- Extends the leases of the clients $1 that stand by $2 ms from now. Answers whose they are.
with live as materialized (
    select client_id from client_lease where client_id = any ($1::uuid[]) and expires_at > now()
    order by client_id for no key update
)
-- By key and not joined: planned while the table was empty, a join compares all with all.
update client_lease set expires_at = now() + $2::bigint * interval '1 ms'
where client_id = any (array(select client_id from live)) and expires_at > now()
returning client_id
