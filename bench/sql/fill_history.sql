-- History of a day that is over, as the benchmark `history` needs it: {instances} instances of {shards} shards each, all of
-- which succeeded, of one job of the app `bench`. The day is {day}; its partitions are made here, as the
-- server makes them. Written for the tables and not for the views, so it changes with the schema.

create table instance_ended_{partition} partition of instance_ended
    for values from ('{day} 00:00Z') to ('{day} 24:00Z');
create table attempt_ended_{partition} partition of attempt_ended
    for values from ('{day} 00:00Z') to ('{day} 24:00Z');

-- Ids as if they had been fired: the instances to come go on from there.
create temporary table filled as
select nextval(pg_get_serial_sequence('instance', 'id')) as id,
    timestamptz '{day} 00:00Z' + n * (interval '23 hours' / {instances}) as fired_at
from generate_series(0, {instances} - 1) n;

insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, ended_at,
    total, succeeded, failed, cancelled)
select f.id, j.id, j.app_id, 1, 'succeeded', 'api', f.fired_at, f.fired_at, f.fired_at + interval '1 second',
    {shards}, {shards}, 0, 0
from filled f cross join (select id, app_id from job order by id limit 1) j;

insert into attempt_ended (instance_id, item, attempt, final, outcome, client_id, claimed_at, started_at, ended_at)
select f.id, item, 1, true, 'succeeded', '00000000-0000-7000-8000-000000000000',
    f.fired_at + interval '0.1 second', f.fired_at + interval '0.2 second', f.fired_at + interval '1 second'
from filled f cross join generate_series(0, {shards} - 1) item;

drop table filled;
