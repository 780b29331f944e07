-- Ends claims. Only those end whose (client, shard, attempt) is still current; each ends once.
-- $1 client_id, $2 shard_id, $3 attempt, $4 outcome, $5 error, $6 output, $7 delay_ms, $8 started_at
-- The outcomes later, lost, returned and timed_out put the shard back, unless it was the last attempt.
with ending as materialized (
    select e.*, e.shard_id >> 17 as instance_id, (e.shard_id & 131071)::integer as item
    from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[])
        as e (client_id, shard_id, attempt, outcome, error, output, delay_ms, started_at)
), locked as materialized (
    -- Instances before shards, ids ascending: the one lock order.
    select i.id, i.max_attempts from instance i
    where i.id = any (array(select instance_id from ending))
    order by i.id
    for no key update
), found as materialized (
    select e.*, r.place, r.claimed_at, l.max_attempts
    from ending e join locked l on l.id = e.instance_id
    cross join lateral (
        select r.ctid as place, r.claimed_at from shard_running r
        -- Naming the instance keeps the planner from locking the claim before its instance.
        where r.client_id = e.client_id and r.shard_id = e.shard_id and r.attempt = e.attempt and r.shard_id >> 17 = l.id
        for update
    ) r
), gone as (
    delete from shard_running r where r.ctid = any (array(select place from found)) returning r.ctid as place
), ended as (
    -- A result given twice in one batch ends its claim once.
    select distinct on (f.client_id, f.shard_id) f.* from found f join gone g on g.place = f.place
), verdict as materialized (
    select e.*, e.outcome in ('succeeded', 'failed') or e.attempt >= e.max_attempts as final from ended e
), history as (
    insert into attempt_ended (instance_id, item, attempt, final, outcome, client_id, claimed_at, started_at, error, output)
    select instance_id, item, attempt, final, outcome, client_id, claimed_at,
        -- A client's clock informs; it never leaves the window that the database saw.
        least(greatest(started_at, claimed_at), now()),
        case when final and outcome not in ('succeeded', 'failed')
            then concat_ws(': ', 'no attempt is left, the limit is ' || max_attempts, error) else error end,
        output
    from verdict
), again as (
    insert into shard_ready (instance_id, item, attempt)
    select instance_id, item, attempt from verdict where not final and coalesce(delay_ms, 0) = 0
    order by instance_id, item
), delayed as (
    insert into shard_delayed (instance_id, item, attempt, due_at)
    select instance_id, item, attempt, now() + delay_ms * interval '1 ms' from verdict where not final and delay_ms > 0
), counted as (
    update instance i set remaining = i.remaining - n.ended, succeeded = i.succeeded + n.succeeded, failed = i.failed + n.failed
    from (
        select instance_id, count(*) as ended, count(*) filter (where outcome = 'succeeded') as succeeded,
            count(*) filter (where outcome <> 'succeeded') as failed
        from verdict where final group by instance_id
    ) n
    where i.id = n.instance_id
    returning i.id, i.remaining
)
select v.client_id, v.shard_id, v.attempt, v.final, coalesce(v.delay_ms, 0) as delay_ms, coalesce(c.remaining = 0, false) as last
from verdict v left join counted c on c.id = v.instance_id
