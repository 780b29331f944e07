-- Ends claims. Only those end whose (client, shard, attempt) is still current; each ends once.
-- $1 client_id, $2 shard_id, $3 attempt, $4 outcome, $5 error, $6 output, $7 delay_ms, $8 started_at
-- Answers one row for each claim that ended, and one with last_of for each instance whose last shard that was.
-- The outcomes later, lost, returned and timed_out put the shard back, unless it was the last attempt.
with ending as materialized (
    -- A result given twice in one batch ends its claim once.
    select distinct on (u.shard_id, u.attempt, u.client_id) u.*, u.shard_id >> 17 as instance_id, (u.shard_id & 131071)::integer as item
    from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::timestamptz[])
        as u (client_id, shard_id, attempt, outcome, error, output, delay_ms, started_at)
    order by u.shard_id, u.attempt, u.client_id
), found as materialized (
    -- Instances before shards, ids ascending: the one lock order. Looked up for each ending and not joined:
    -- the planner takes the arrays for ten rows, and would compare every ending with every instance.
    select e.*, r.place, r.claimed_at, i.max_attempts
    from ending e
    cross join lateral (
        select i.id, i.max_attempts from instance i where i.id = e.instance_id for no key update
    ) i
    cross join lateral (
        select r.ctid as place, r.claimed_at from shard_running r
        -- Naming the instance keeps the planner from locking the claim before its instance.
        where r.client_id = e.client_id and r.shard_id = e.shard_id and r.attempt = e.attempt and r.shard_id >> 17 = i.id
        for update
    ) r
), gone as (
    -- By place: the rows are locked and never updated, so all of them go.
    delete from shard_running r where r.ctid = any (array(select place from found))
), verdict as materialized (
    select e.*, e.outcome in ('succeeded', 'failed') or e.attempt >= e.max_attempts as final from found e
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
select client_id, shard_id, attempt, final as is_final, coalesce(delay_ms, 0) as delay_ms, null::bigint as last_of from verdict
union all
select null, null, null, null, null, id from counted where remaining = 0
