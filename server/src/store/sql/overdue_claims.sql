-- Claims that have taken longer than their job allows, at most $1, oldest first.
select client_id, instance_id, chunk, attempt, open, true as old from shard_running
where deadline_at <= now() order by deadline_at limit $1
