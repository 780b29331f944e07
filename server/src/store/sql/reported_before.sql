-- Of the reports (client $1, shard $2, attempt $3, outcome $4), those that the client itself made before.
select t.client_id, t.shard_id, t.attempt, t.outcome
from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::text[]) as t (client_id, shard_id, attempt, outcome)
-- A look for each and no "exists": that becomes a join, which, planned while history was empty, reads all of it.
cross join lateral (
    select from attempt_ended e
    where e.instance_id = t.shard_id >> 17 and e.chunk = ((t.shard_id & 131071) >> 6)::smallint
        and e.mask >> (t.shard_id & 63)::integer & 1 = 1
        and e.attempt = t.attempt and e.client_id = t.client_id
        and e.outcome = t.outcome
    limit 1
) e
