//! The hot statements, each with parameters as a busy server gives them.

use super::plan::Bound;

/// A statement and what it is asked.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its file, without the folder and `.sql`.
    pub(crate) file: &'static str,
    /// Selects its parameters from what `fill.sql` made.
    pub(crate) parameters: &'static str,
    pub(crate) bound: Bound,
}

/// A case about `batch` rows that may touch so many buffers for each.
const fn case(file: &'static str, batch: i64, buffers: i64, parameters: &'static str) -> Case {
    Case {
        file,
        parameters,
        bound: Bound {
            batch,
            buffers,
            walks: None,
        },
    }
}

impl Case {
    /// Lets it pass over rows of a table, for the reason written at the case.
    const fn walks(mut self, table: &'static str) -> Self {
        self.bound.walks = Some(table);
        self
    }
}

pub(crate) const CASES: [Case; 34] = [
    case(
        "discover",
        1000,
        20,
        "select array_agg(id), array_agg(0), 500 from app",
    ),
    // 500 clients, 250 instances, whose marks are above 150 dead rows each.
    case(
        "claim",
        1000,
        40,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), array_agg(instance), array_agg(2), array_agg(10),
            array_agg((select min(id) - 1 from shard_ready where instance_id = instance and attempt = instance % 2)),
            array_agg(1000), array_agg(5), 10000, 6666, '{}'::integer[], '{}'::text[]
         from (select n, n % 250 + 2 as instance from generate_series(1, 500) n) p",
    ),
    // One instance, whose mark is above 200,000 dead rows and what is left of its chunks.
    case(
        "claim",
        1000,
        40,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), array_agg(1), array_agg(250), array_agg(0),
            array_agg((select min(id) - 1 from shard_ready where instance_id = 1 and attempt = 1)),
            array_agg(0), array_agg(1000), 10000, 6666, '{}'::integer[], '{}'::text[]
         from generate_series(1, 4) n",
    ),
    // 500 clients, 250 instances, whose marks are above 150 dead rows each.
    case(
        "claim_plain",
        1000,
        40,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), array_agg(instance), array_agg(2), array_agg(10),
            array_agg((select min(id) - 1 from shard_ready where instance_id = instance and attempt = instance % 2)),
            array_agg(1000), array_agg(5), 10000, 6666
         from (select n, n % 250 + 2 as instance from generate_series(1, 500) n) p",
    ),
    // One instance, whose mark is above 200,000 dead rows and what is left of its chunks.
    case(
        "claim_plain",
        1000,
        40,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), array_agg(1), array_agg(250), array_agg(0),
            array_agg((select min(id) - 1 from shard_ready where instance_id = 1 and attempt = 1)),
            array_agg(0), array_agg(1000), 10000, 6666
         from generate_series(1, 4) n",
    ),
    case(
        "end_attempts",
        500,
        80,
        "select array_agg(client_id), array_agg(instance_id), array_agg(chunk), array_agg(attempt), array_agg(open),
            array_agg(outcome), array_agg(case when outcome = 'later' and ord % 2 = 0 then 1000 else 0 end),
            array_agg(ord * 8 - 7), array_agg(0), array_agg(ord * 8 - 7),
            array_fill(now(), array[4000]), array[]::text[], array_fill('done'::text, array[4000])
         from (select r.*, row_number() over () as ord,
                case when instance_id > 1900 or id % 5 > 1 then 'succeeded' else 'later' end as outcome
            from shard_running r where chunk in (100, 101) and attempt = 1 and instance_id > 1750) r",
    ),
    case(
        "end_attempts_plain",
        500,
        80,
        "select array_agg(client_id), array_agg(instance_id), array_agg(chunk), array_agg(attempt), array_agg(open),
            array_agg(outcome), array_agg(0),
            array_agg(ord * 8 - 7), array_agg(0), array_agg(ord * 8 - 7),
            array_fill(now(), array[4000]), array[]::text[], array_fill('done'::text, array[4000])
         from (select r.*, row_number() over () as ord, 'succeeded'::text as outcome
            from shard_running r where chunk in (100, 101) and attempt = 1 and instance_id > 1750) r",
    ),
    case(
        "due",
        2000,
        5,
        "select (select array_agg(bucket) from bucket_lease), 1100, 16",
    ),
    // Half of them run already, each tenth has missed ticks.
    case(
        "fire",
        500,
        60,
        "select uuid(lpad('1', 32, '5')), array_agg(job_id), array_agg(bucket), array_agg(1), array_agg(1),
            array_agg(next_fire_at), array_agg(next_fire_at + interval '1 h'), array_agg(next_fire_at),
            array_agg(next_fire_at), array_agg(prev_fire_at),
            array_agg(job_id) filter (where job_id % 10 = 0), array_agg(next_fire_at - interval '2 h') filter (where job_id % 10 = 0),
            array_agg(next_fire_at - interval '1 h') filter (where job_id % 10 = 0), array_agg(2) filter (where job_id % 10 = 0),
            array_agg('coalesced'::text) filter (where job_id % 10 = 0), array_agg('missed'::text) filter (where job_id % 10 = 0)
         from (select * from job_schedule where job_id between 1751 and 2250 order by job_id) j",
    ),
    // Half of them run already.
    case(
        "fire_plain",
        500,
        60,
        "select uuid(lpad('1', 32, '5')), array_agg(job_id), array_agg(bucket), array_agg(1), array_agg(1),
            array_agg(next_fire_at), array_agg(next_fire_at + interval '1 h'), array_agg(next_fire_at),
            array_agg(next_fire_at), array_agg(prev_fire_at)
         from (select * from job_schedule where job_id between 1751 and 2250 order by job_id) j",
    ),
    case(
        "trigger",
        500,
        60,
        "select array_agg(n), array_fill('{}'::jsonb, array[500]), uuid(lpad('1', 32, '5')),
            array_fill(null::smallint, array[500]), array_fill(0, array[500]), 'api'
         from generate_series(1751, 2250) n",
    ),
    case(
        "trigger_plain",
        500,
        60,
        "select array_agg(n), array_fill('{}'::jsonb, array[500]), uuid(lpad('1', 32, '5')),
            array_fill(null::smallint, array[500]), array_fill(0, array[500]), 'api'
         from generate_series(1751, 2250) n",
    ),
    // 1,000 of 42,200 claims, beside dead ones of the same clients.
    case(
        "save_checkpoints",
        1000,
        40,
        "select array_agg(client_id), array_agg(instance_id), array_agg(chunk::integer * 64 + 3), array_agg(attempt),
            array_fill('{}'::jsonb, array[1000]), array_fill(50, array[1000])
         from (select * from shard_running where chunk in (102, 103) and attempt = 1 order by id limit 1000) r",
    ),
    case("stage", 1500, 30, "select"),
    // 800 claims, and 48 dead ones of each of the 200 clients, which the index names while the snapshot is held.
    case(
        "renew_clients",
        2000,
        15,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), 30000, 180000 from generate_series(1, 200) n",
    ),
    case(
        "cut_leases",
        500,
        10,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), 10000 from generate_series(1, 200) n",
    ),
    case(
        "live_clients",
        200,
        5,
        "select array_agg(uuid(lpad(n::text, 32, '0'))) from generate_series(10400, 10599) n",
    ),
    // As above.
    case(
        "held",
        2000,
        10,
        "select array_agg(uuid(lpad(n::text, 32, '0'))), 30000 from generate_series(1, 200) n",
    ),
    case(
        "running_instances",
        1000,
        5,
        "select array_agg(n) from generate_series(1501, 2500) n",
    ),
    case(
        // A look into each day of history.
        "last_ended",
        200,
        40,
        "select array_agg(n) from generate_series(1, 200) n",
    ),
    case(
        "reported_before",
        1000,
        60,
        "select array_agg(client_id), array_agg((instance_id << 17) + chunk::bigint * 64 + 5), array_agg(attempt + (instance_id % 2)::smallint), array_agg(outcome)
         from (select * from attempt_ended where instance_id between 1000000 and 1000020 limit 1000) e",
    ),
    case(
        "log",
        200,
        60,
        "select array_agg((instance_id << 17) + chunk::bigint * 64 + 5), array_agg(1), array_agg(now()), array_agg('info'::text),
            array_agg('line'::text), uuid(lpad('7', 32, '0'))
         from ((select instance_id, chunk from attempt_ended where ended_at > now() - interval '1 h' limit 150)
            union all (select instance_id, chunk from shard_running where attempt = 1 limit 50)) s",
    ),
    // An index on expires_at would cost each renewal more than this costs once a second.
    case("expire_clients", 500, 60, "select 500").walks("client_lease"),
    // Up to 2,000 instances of which none may have shards that wait; the leases for the reason above.
    case("look", 2000, 20, "select 0").walks("client_lease"),
    // One look for each client that holds something.
    case("orphans", 10550, 20, "select 5000"),
    case("overdue_claims", 500, 5, "select 5000"),
    case("overdue_instances", 100, 5, "select 100"),
    // Of 310 jobs with something that is due, 210 have an instance running.
    case("startable", 310, 20, "select 100"),
    case("pick", 100, 60, "select array_agg(n), array_agg(false) from generate_series(2001, 2100) n"),
    case(
        "start",
        100,
        80,
        "select uuid(lpad('1', 32, '5')), array_agg(id order by id), array_agg(0), array_agg(3), array_agg('run'::text)
         from (select id from instance_queued where job_id > 2000 order by id limit 100) q",
    ),
    case("follow", 10, 100, "select -1, 1, 'succeeded', uuid(lpad('1', 32, '5'))"),
    case("undated", 100, 40, "select"),
    case("renew_buckets", 256, 20, "select uuid(lpad('1', 32, '5')), 30000, 3, 40000000"),
    case("pulse", 256, 5, "select uuid(lpad('1', 32, '5'))"),
];
