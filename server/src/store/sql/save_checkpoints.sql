-- Keeps what clients say of shards that they hold: $1 client_id, $2 instance_id, $3 item, $4 attempt, $5 checkpoint and
-- $6 progress, each null if there is no news; no shard may be named twice. What is said of a claim that does not stand
-- changes nothing. The claim is read and not locked: one that ends at this moment stood when it was read, and what an
-- earlier attempt said never replaces what a later one did.
insert into shard_checkpoint as c (instance_id, item, attempt, checkpoint, progress)
select u.instance_id, u.item, u.attempt, u.checkpoint, u.progress
from unnest($1::uuid[], $2::bigint[], $3::integer[], $4::smallint[], $5::jsonb[], $6::smallint[])
    as u (client_id, instance_id, item, attempt, checkpoint, progress)
-- Looked up for each, which "limit" sees to: planned while the table was empty, a join compares all with all.
cross join lateral (
    select from shard_running r
    where r.client_id = u.client_id and r.instance_id = u.instance_id and r.chunk = (u.item / 64)::smallint and r.attempt = u.attempt
        and r.open >> (u.item & 63) & 1 = 1
    limit 1
) r
order by u.instance_id, u.item
on conflict (instance_id, item) do update
set attempt = excluded.attempt, saved_at = now(), checkpoint = coalesce(excluded.checkpoint, c.checkpoint),
    progress = case when c.attempt = excluded.attempt then coalesce(excluded.progress, c.progress) else excluded.progress end
where c.attempt <= excluded.attempt
