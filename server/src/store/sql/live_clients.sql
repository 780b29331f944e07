-- Of the clients $1, those whose lease stands.
select client_id from client_lease where client_id = any ($1::uuid[]) and expires_at > now()
