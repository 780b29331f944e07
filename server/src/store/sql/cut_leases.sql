-- Ends the long leases of those of the clients $1 that have one: they stand for $2 ms from now.
update client_lease set expires_at = now() + $2::bigint * interval '1 ms'
where client_id = any ($1::uuid[]) and expires_at > now() + $2::bigint * interval '1 ms'
