-- Of the claims (client $1, shard $2, attempt $3), those that the client itself ended with a report.
select t.client_id, t.shard_id, t.attempt
from unnest($1::uuid[], $2::bigint[], $3::smallint[]) as t (client_id, shard_id, attempt)
-- A look for each and no "exists": that becomes a join, which, planned while history was empty, reads all of it.
cross join lateral (
    select from attempt_ended e
    where e.instance_id = t.shard_id >> 17 and e.chunk = ((t.shard_id & 131071) >> 6)::smallint
        and e.mask >> (t.shard_id & 63)::integer & 1 = 1
        and e.attempt = t.attempt and e.client_id = t.client_id
        and e.outcome in ('succeeded', 'failed', 'later')
    limit 1
) e
