-- Ends claims, and the instances whose last shards end with them. Only those shards end whose (client, shard,
-- attempt) is still current; each ends once. No shard may be in two groups.
-- Groups, one row for shards of one chunk that end alike: $1 client_id, $2 instance_id, $3 chunk, $4 attempt,
--   $5 mask, $6 outcome, $7 delay_ms, and where the values of their bits begin, from 1, 0 if they have none:
--   $8 in $11 started_at, $9 in $12 error, $10 in $13 output.
-- Answers one row for each group and claim that ended something, with what.
-- The outcomes later, lost and returned put the shard back, unless it was the last attempt; so do failed and timed_out
-- where the job has a retry policy, by which they then wait.
-- In the plain form (`store::form`) all outcomes are succeeded, and have no errors.
with ending as materialized (
    select u.* from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::smallint[], $5::bigint[], $6::text[], $7::bigint[],
        $8::integer[], $9::integer[], $10::integer[])
        as u (client_id, instance_id, chunk, attempt, mask, outcome, delay_ms, starts, errors, outputs)
    order by u.instance_id, u.chunk, u.client_id
), entered as materialized (
    -- Instances before shards, ids ascending: the one lock order. Each is locked once, however many of its shards end.
    select i.* from (select distinct instance_id from ending order by instance_id) e
    cross join lateral (
        select i.id, i.max_attempts, i.remaining, i.job_id, i.job_version from instance i where i.id = e.instance_id for no key update
    ) i
), known as materialized (
    -- As sorted arrays: the planner takes arrays for ten rows, and would compare every ending with every instance.
    select array_agg(id order by id) as ids, array_agg(max_attempts order by id) as max_attempts, array_agg(remaining order by id) as remaining,
        array_agg(job_id order by id) as job_ids, array_agg(job_version order by id) as job_versions
    from entered
), locked as (
    select e.*, r.id, r.open, r.claimed_at, k.max_attempts[e.at] as max_attempts, k.remaining[e.at] as remaining,
        k.job_ids[e.at] as job_id, k.job_versions[e.at] as job_version
    from known k
    cross join lateral (select e.*, width_bucket(e.instance_id, k.ids) as at from ending e offset 0) e
    cross join lateral (
        -- Naming what was locked keeps the planner from locking the claim before its instance.
        select r.id, r.open, r.claimed_at from shard_running r
        where r.client_id = e.client_id and r.instance_id = k.ids[e.at] and r.chunk = e.chunk and r.attempt = e.attempt
            and r.instance_id = e.instance_id and r.open & e.mask <> 0
        for update
    ) r
), hit as (
    select l.*, l.open & l.mask as hit,
        l.attempt >= l.max_attempts as is_last,
        --plain: null::integer[] as retry
        --<
        -- Looked up for failures only.
        case when l.outcome in ('failed', 'timed_out') and l.attempt < l.max_attempts then retry_of(l.job_id, l.job_version, l.attempt) end as retry
        -->
    from locked l
), verdict as materialized (
    select h.client_id, h.instance_id, h.chunk, h.attempt, h.mask, h.outcome, h.starts, h.errors, h.outputs, h.id, h.open, h.claimed_at,
        h.max_attempts, h.remaining, h.job_id, h.job_version, h.hit, h.retry[2] as jitter, coalesce(h.retry[1], h.delay_ms) as delay_ms,
        h.outcome = 'succeeded' or h.is_last or (h.outcome in ('failed', 'timed_out') and h.retry is null) as final,
        bit_count(h.hit::bit(64)) as n, bit_count(h.mask::bit(64))::integer as width
    from hit h where h.hit <> 0
), touched as materialized (
    select id, bit_or(hit) as hit, open & ~bit_or(hit) as rest from verdict group by id, open
), gone as (
    -- By key and not by place: a claim may have been shortened since this statement began. Keys and values go
    -- as sorted arrays: a join would, on an empty table's statistics, compare all with all.
    delete from shard_running r where r.id = any (array(select id from touched where rest = 0))
), shortened as (
    update shard_running r
    set open = r.open & ~(array(select hit from touched where rest <> 0 order by id))
        [width_bucket(r.id, array(select id from touched where rest <> 0 order by id))]
    where r.id = any (array(select id from touched where rest <> 0))
), history as (
    insert into attempt_ended (instance_id, job_id, job_version, chunk, attempt, final, outcome, mask, client_id, claimed_at, started_at, errors, outputs)
    select instance_id, job_id, job_version, chunk, attempt, final, outcome, hit, client_id, claimed_at,
        case when starts > 0 then
            case when hit = mask then ($11::timestamptz[])[starts : starts + width - 1]
                else mask_pick(($11::timestamptz[])[starts : starts + width - 1], mask, hit) end
        end,
        --plain: case when false then $12::text[] end,
        --<
        case
            when final and outcome not in ('succeeded', 'failed', 'timed_out') then
                array_fill('no attempt is left, the limit is ' || max_attempts || coalesce(': ' || ($12::text[])[nullif(errors, 0)], ''), array[n::integer])
            when errors > 0 then
                case when hit = mask then ($12::text[])[errors : errors + width - 1]
                    else mask_pick(($12::text[])[errors : errors + width - 1], mask, hit) end
        end,
        -->
        case when outputs > 0 then
            case when hit = mask then ($13::text[])[outputs : outputs + width - 1]
                else mask_pick(($13::text[])[outputs : outputs + width - 1], mask, hit) end
        end
    from verdict
--<
), back as (
    select v.instance_id, v.chunk::integer * 64 + b.bit as item, v.attempt,
        case when v.jitter > 0 then floor(v.delay_ms * (1 - v.jitter / 100.0 * random()))::bigint else v.delay_ms end as delay_ms
    from verdict v cross join lateral unnest(mask_bits(v.hit)) as b (bit)
    where not v.final
), again as (
    insert into shard_ready (instance_id, item, n, attempt)
    select instance_id, item, 1, attempt from back where delay_ms = 0 order by instance_id, item
), delayed as (
    insert into shard_delayed (instance_id, item, attempt, due_at)
    select instance_id, item, attempt, now() + delay_ms * interval '1 ms' from back where delay_ms > 0
-->
), tally as materialized (
    select instance_id, (min(remaining) - sum(n))::integer as remaining,
        coalesce(sum(n) filter (where outcome = 'succeeded'), 0)::integer as succeeded,
        coalesce(sum(n) filter (where outcome <> 'succeeded'), 0)::integer as failed
    from verdict where final group by instance_id
), going_on as materialized (
    select array_agg(instance_id order by instance_id) as ids, array_agg(succeeded order by instance_id) as succeeded,
        array_agg(failed order by instance_id) as failed
    from tally where remaining > 0
), counted as (
    update instance i
    set remaining = i.remaining - (g.succeeded[width_bucket(i.id, g.ids)] + g.failed[width_bucket(i.id, g.ids)]),
        succeeded = i.succeeded + g.succeeded[width_bucket(i.id, g.ids)],
        failed = i.failed + g.failed[width_bucket(i.id, g.ids)]
    from going_on g where i.id = any ((select ids from going_on)::bigint[])
--<
    returning i.id, i.job_id, i.job_version, i.failed
), hopeless as materialized (
    select id from counted where failed > 0 and is_hopeless(job_id, job_version, failed)
-->
), settled as (
    delete from instance i where i.id = any (array(select instance_id from tally where remaining = 0))
    returning i.*, (array(select succeeded from tally where remaining = 0 order by instance_id))
            [width_bucket(i.id, array(select instance_id from tally where remaining = 0 order by instance_id))] as more_succeeded,
        (array(select failed from tally where remaining = 0 order by instance_id))
            [width_bucket(i.id, array(select instance_id from tally where remaining = 0 order by instance_id))] as more_failed
), outcome as materialized (
    select s.*, case
            when failed + more_failed > 0 and failed + more_failed > allowed_failures(job_id, job_version) then 'failed'
            else 'succeeded' end as state
    from settled s
), followed as (
    -- Told in the transaction in which the instance ends, so that what follows it fires exactly once.
    insert into dependency_event (instance_id, job_id, state)
    select s.id, s.job_id, case when s.phase = 'plan' and s.state = 'succeeded' then 'planned' else s.state end
    from outcome s
    where s.phase = 'plan' or (select d.predecessor_id from job_dependency d where d.predecessor_id = s.job_id limit 1) is not null
), settled_history as (
    insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, param, server_id,
        total, succeeded, failed, cancelled, priority, cause_id, plan, phase)
    select id, job_id, app_id, job_version, state, trigger,
        scheduled_at, fired_at, param, server_id, total, succeeded + more_succeeded, failed + more_failed, 0, priority, cause_id, plan, phase
    from outcome
)
select client_id, instance_id, chunk, attempt, hit, final as is_final, delay_ms,
    --plain: false as is_hopeless
    --<
    instance_id = any (array(select id from hopeless)) as is_hopeless
    -->
from verdict
