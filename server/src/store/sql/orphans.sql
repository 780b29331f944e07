-- Claims whose client has no lease, at most $1.
select r.client_id, r.instance_id, r.chunk, r.attempt, r.open, true as old from shard_running r
where not exists (select from client_lease l where l.client_id = r.client_id) limit $1
