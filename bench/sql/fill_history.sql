-- History of {days} days that are over, as the benchmark `history` needs it: {instances} instances of {shards} shards
-- each, fired one after another by the schedules of the jobs there are, in turn. The first shard of each
-- hundredth instance failed. Written for the tables and not for the views, so it changes with the schema; the
-- partitions of the days are there.

-- Ids as if they had been fired: the instances to come go on from there.
create temporary table filled as
select nextval(pg_get_serial_sequence('instance', 'id')) as id, j.id as job_id, j.app_id, n % 100 = 99 as has_failed,
    (now() at time zone 'UTC')::date::timestamp at time zone 'UTC' - interval '{days} days'
        + n * (interval '{days} days' / {instances}) as fired_at
from generate_series(0, {instances} - 1) n
join (select id, app_id, row_number() over (order by id) - 1 as place, count(*) over () as jobs from job) j
    on j.place = n % j.jobs
order by n;

insert into tick (job_id, scheduled_at, last_scheduled_at, outcome, instance_id, decided_at)
select job_id, fired_at, fired_at, 'fired', id, fired_at from filled;

insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, ended_at,
    total, succeeded, failed, cancelled)
select id, job_id, app_id, 1, case when has_failed then 'failed' else 'succeeded' end, 'schedule',
    fired_at, fired_at, fired_at + interval '1 second',
    {shards}, {shards} - has_failed::integer, has_failed::integer, 0
from filled;

-- A row for each chunk, and one more where a shard did not end like the others.
insert into attempt_ended (instance_id, job_id, job_version, chunk, attempt, final, outcome, mask, client_id, claimed_at, ended_at, started_at, errors)
select f.id, f.job_id, 1, part.chunk, 1, true, case when part.failed then 'failed' else 'succeeded' end, part.mask,
    '00000000-0000-7000-8000-000000000000', f.fired_at + interval '0.1 second', f.fired_at + interval '1 second',
    array_fill(f.fired_at + interval '0.2 second', array[mask_count(part.mask)]),
    case when part.failed then array['it failed'] end
from filled f
cross join lateral (
    select c.chunk, false as failed,
        chunk_mask(64 * c.chunk, least(64, {shards} - 64 * c.chunk))
            & case when f.has_failed and c.chunk = 0 then ~1::bigint else -1::bigint end as mask
    from generate_series(0, ({shards} - 1) / 64) c (chunk)
    union all
    select 0, true, 1 where f.has_failed
) part;

drop table filled;
