-- A system at work, for plans.rs: 2,000 instances run and 10,000 clients live. Rows with attempt 9 are deleted
-- next, and stay as dead tuples.

insert into server (id, host, pid, address, version, expires_at)
select uuid(lpad(n::text, 32, '5')), 'host', n, 'http://host', '1', now() + interval '1 h' from generate_series(1, 3) n;
update bucket_lease set owner = uuid(lpad('1', 32, '5')), epoch = 1, expires_at = now() + interval '1 h';

-- 100,000 jobs: the first 2,000 have an instance, 1,501 to 3,500 are due, the rest is not.
insert into app (name, secret_hash) values ('shop', '');
insert into job (app_id, name, state) select 1, 'job ' || n, 'waiting' from generate_series(1, 100000) n;
insert into job_schedule (job_id, app_id, version, cron, time_zone, shard_count, max_attempts, instance_timeout_ms, next_fire_at)
select n, 1, 1, '0 0 * * * ?', 'UTC', 3, 3, 60000,
    date_trunc('second', now()) + case when n between 1501 and 3500 then interval '-1 s' else n * interval '1 s' + interval '10 min' end
from generate_series(1, 100000) n;

-- 100 instances are out of time; those above 1,900 have 16 shards left.
insert into instance (job_id, app_id, job_version, trigger, scheduled_at, deadline_at, max_attempts, total, remaining)
select n, 1, 1, 'schedule', now(), now() + case when n % 20 = 0 then -1 else n end * interval '1 s', 3, 10000, case when n > 1900 then 16 else 10000 end
from generate_series(1, 2000) n;

-- Each tenth job waits behind the instance that runs, 100 more could start, and 100,000 instances start later.
insert into instance_queued (job_id, app_id, trigger, scheduled_at)
select n, 1, 'api', now() from generate_series(10, 2100) n where n % 10 = 0 or n > 2000;
insert into instance_queued (job_id, app_id, trigger, scheduled_at, due_at)
select n % 1000 + 1, 1, 'api', now(), now() + interval '1 day' from generate_series(1, 100000) n;
-- 10 jobs follow the first one, and each of 10,000 the one before it.
insert into job_dependency (successor_id, predecessor_id, on_end, pass, joins)
select n + 50000, 1, 'success', 'nothing', 'any' from generate_series(1, 10) n
union all select n + 60001, n + 60000, 'success', 'outputs', 'all' from generate_series(1, 10000) n;
-- 100 jobs have a fixed delay.
update job_schedule set fixed_delay_ms = 1000, next_fire_at = null where job_id between 70001 and 70100;

-- 10,000 clients live, the leases of 500 have ended, 50 have none any more.
insert into client (id, app_id, host, ip, pid, sdk, version, handlers, labels, slots)
select uuid(lpad(n::text, 32, '0')), 1, 'host', '127.0.0.1', n, 'rust', '1', '{work}', '{}', 64 from generate_series(1, 10550) n;
insert into client_lease
select uuid(lpad(n::text, 32, '0')), now() + case when n > 10000 then -1 else 3600 end * interval '1 s' from generate_series(1, 10500) n;

-- The queue was longer: 500,000 rows that are gone, 200,000 of them of the instance 1. Then 1,000,000 shards:
-- 800,000 in chunks, 200,000 that stand alone, half of those of the instance 1.
insert into shard_ready (instance_id, item, n, attempt)
select case when n % 5 < 2 then 1 else n % 2000 + 1 end, 0, 1, 9 from generate_series(1, 500000) n;
insert into shard_ready (instance_id, item, n, attempt)
select n % 2000 + 1, n / 2000 * 64, 64, 0 from generate_series(0, 12499) n;
insert into shard_ready (instance_id, item, n, attempt)
select case when n % 2 = 0 then 1 else n % 2000 + 1 end, n / 2000 + 1000, 1, 1 from generate_series(1, 200000) n;

-- 1,000,000 delayed shards, 1,500 of them due.
insert into shard_delayed (instance_id, item, attempt, due_at)
select n % 2000 + 1, 2000 + n / 2000, 1, now() + case when n < 1500 then -1 else n % 3600 + 600 end * interval '1 s'
from generate_series(0, 999999) n;

-- Each client had 48 claims of older instances that are gone, and has 4; those without a lease too. 500 are out of time.
insert into shard_running (client_id, instance_id, chunk, attempt, open)
select uuid(lpad((n % 10500 + 1)::text, 32, '0')), -1 - n % 2000, n / 10000, 9, 1 from generate_series(0, 499999) n;
insert into shard_running (client_id, instance_id, chunk, attempt, open, deadline_at)
select uuid(lpad((n % 10550 + 1)::text, 32, '0')), n % 2000 + 1, 100 + n / 2000, 1, 255, case when n % 2 = 0 then now() + case when n < 1000 then -1 else n end * interval '1 s' end
from generate_series(0, 42199) n;

-- History of the last week.
insert into attempt_ended (instance_id, job_id, job_version, chunk, attempt, final, outcome, mask, client_id, claimed_at, ended_at, started_at)
select 1000000 + n / 50, 1, 1, n % 50, 1, true, 'succeeded', -1, uuid(lpad((n % 10000 + 1)::text, 32, '0')), now(), now() - n * interval '5 s', array_fill(now(), array[64])
from generate_series(1, 100000) n;
insert into tick (job_id, scheduled_at, last_scheduled_at, outcome, instance_id)
select n, now() - n % 7 * interval '1 day' - n * interval '1 ms', now(), 'fired', -n from generate_series(1, 100000) n;
