-- Claims whose client has no lease, at most $1.
with recursive holder as (
    -- Goes from client to client and not from claim to claim. Backwards, because the newest claims of a client
    -- come last in the index, and what is left of older ones is dead.
    (select client_id from shard_running order by client_id desc limit 1)
    union all
    select (select r.client_id from shard_running r where r.client_id < h.client_id order by r.client_id desc limit 1)
    from holder h where h.client_id is not null
), lost as materialized (
    select h.client_id from holder h
    where h.client_id is not null and (select l.client_id from client_lease l where l.client_id = h.client_id) is null
)
select r.client_id, r.instance_id, r.chunk, r.attempt, r.open, true as old
from lost
cross join lateral (select * from shard_running r where r.client_id = lost.client_id limit $1) r
limit $1
