-- What the clients $1 hold, and whether it is older than $2 ms.
select client_id, instance_id, chunk, attempt, open, claimed_at < now() - $2::bigint * interval '1 ms' as old
from shard_running where client_id = any ($1::uuid[])
