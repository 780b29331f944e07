-- Ticks of the buckets $1 that are due, or will be within $2 ms: at most $3 for each bucket, oldest first.
select s.job_id, s.app_id, s.bucket, s.version, s.cron, s.time_zone, s.timing, s.fixed_delay_ms,
    s.slots = 1 and s.queue = 0 and not s.is_dynamic and not s.replaces as is_plain, s.needs_client, s.next_fire_at, s.prev_fire_at, clock_timestamp() as now
from unnest($1::smallint[]) as owned (bucket)
cross join lateral (
    select * from job_schedule j
    where j.bucket = owned.bucket and j.next_fire_at <= now() + $2::bigint * interval '1 ms'
    order by j.next_fire_at
    limit $3
) s
