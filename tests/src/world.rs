//! A namespace of its own for each test, and what runs in it.

use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::PASSWORD;
use crate::process::program;
use crate::wait::{BOUND, wait_until};
use crate::{Admin, App, ClientProcess, Database, Executed, Process, Server};

/// Worlds at a time in this process: tests mostly wait, but their servers compete for the machine.
static PLACES: Semaphore = Semaphore::const_new(4);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Lease time of servers and clients, unless a test chooses another.
const FAILOVER_WAIT: &str = "4s";

/// A namespace of its own, with what a test needs to look into it.
#[derive(Debug)]
pub struct World {
    database: Database,
    namespace: String,
    pool: PgPool,
    folder: TempDir,
    _place: SemaphorePermit<'static>,
}

impl World {
    /// A new namespace in the PostgreSQL that the tests share.
    pub async fn new() -> Self {
        Self::on(Database::shared).await
    }

    /// A new namespace in a new PostgreSQL, for a test that kills it: see [`World::database`].
    pub async fn with_own_postgres() -> Self {
        Self::on(Database::own).await
    }

    async fn on(database: fn() -> Database) -> Self {
        let place = PLACES
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let database = database();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let unique = uuid::Uuid::now_v7().simple().to_string();
        let namespace = format!("t{}_{number}_{}", std::process::id(), &unique[24..]);
        let options = PgConnectOptions::from_str(database.url())
            .expect("the database's address can be read")
            .application_name("antares-tests")
            .options([("search_path", namespace.as_str()), ("timezone", "UTC")]);
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .connect_lazy_with(options);
        let world = Self {
            database,
            namespace,
            pool,
            folder: tempfile::tempdir().expect("a temporary folder is made"),
            _place: place,
        };
        world
            .execute(&format!(
                "create schema {0};
                 create table {0}.execution (
                    id bigint generated always as identity primary key,
                    client text not null, job text not null, instance_id bigint not null, shard_id bigint not null,
                    item integer not null, attempt smallint not null, event text not null, detail text,
                    at timestamptz not null default clock_timestamp())",
                world.record_schema()
            ))
            .await;
        world
    }

    /// The PostgreSQL it is in.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Name of its schema.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Connections whose `search_path` is the namespace.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    fn record_schema(&self) -> String {
        format!("{}_record", self.namespace)
    }

    /// Brings the schema up to date without a server, for tests of single statements.
    pub async fn migrate(&self) {
        let mut command = Command::new(program("antares-server-under-test"));
        command.args([
            "migrate",
            "--database-url",
            self.database.url(),
            "--namespace",
            &self.namespace,
        ]);
        let status = Process::spawn("migrate", command).ended(BOUND).await;
        assert!(status.success(), "migrate: {status}");
    }

    // Servers

    /// Sets up a server.
    pub fn server(&self) -> ServerSetup<'_> {
        ServerSetup {
            world: self,
            arguments: Vec::new(),
        }
    }

    /// Starts `N` servers together, and waits until all are ready and the buckets are spread.
    pub async fn servers<const N: usize>(&self) -> [Server; N] {
        self.servers_with(&[]).await
    }

    /// As [`World::servers`], with more arguments.
    pub async fn servers_with<const N: usize>(&self, arguments: &[&str]) -> [Server; N] {
        let servers = join_all((0..N).map(|_| self.server().arguments(arguments).start())).await;
        let servers: [Server; N] = servers.try_into().expect("N servers were started");
        self.spread(&servers.each_ref()).await;
        servers
    }

    /// Waits until these servers own all buckets, each its fair part.
    pub async fn spread(&self, servers: &[&Server]) {
        wait_until("the buckets are spread evenly", BOUND, async || {
            let owned = join_all(servers.iter().map(|server| server.buckets(self))).await;
            let (least, most) = (owned.iter().min(), owned.iter().max());
            let is_even = least
                .zip(most)
                .is_some_and(|(least, most)| most - least <= 1);
            if is_even && owned.iter().sum::<i64>() == 256 {
                Ok(())
            } else {
                Err(owned)
            }
        })
        .await;
    }

    // Apps and clients

    /// Creates an app through `server`.
    pub async fn app(&self, server: &Server, name: &str) -> App {
        App::create(server.admin(), name).await
    }

    /// Creates an app through whatever is at `admin`.
    pub async fn app_at(&self, admin: &Admin, name: &str) -> App {
        App::create(admin, name).await
    }

    /// Sets up a client process of `app` that knows `servers`. Its handler is called `work`.
    pub fn client(&self, app: &App, servers: &[&Server]) -> ClientSetup<'_> {
        let mut arguments = vec![
            "--app".to_owned(),
            app.name.clone(),
            "--secret".to_owned(),
            app.secret.clone(),
        ];
        for server in servers {
            arguments.extend(["--server".to_owned(), server.url().to_owned()]);
        }
        ClientSetup {
            world: self,
            name: None,
            handlers: vec!["work".to_owned()],
            arguments,
        }
    }

    /// A gate: handlers that got its path as `gate` of their [`crate::Work`] go on once it is open.
    pub fn gate(&self, name: &str) -> Gate {
        Gate {
            path: self.folder.path().join(name),
        }
    }

    /// A folder that is gone after the test.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    // What became of it

    /// A number that `sql` selects, with `arguments` for `$1`, `$2` …
    pub async fn number(&self, sql: &'static str, arguments: &[i64]) -> i64 {
        let mut query = sqlx::query_scalar(sql);
        for argument in arguments {
            query = query.bind(argument);
        }
        query
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Executes `sql`, which may be several statements.
    pub async fn execute(&self, sql: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// What handlers of `instance` did, in order.
    pub async fn executed(&self, instance: i64) -> Vec<Executed> {
        let sql = format!(
            "select client, job, instance_id, shard_id, item, attempt, event, detail, at
             from {}.execution where instance_id = $1 order by id",
            self.record_schema()
        );
        sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(instance)
            .fetch_all(&self.pool)
            .await
            .expect("the records can be read")
    }

    /// Waits until `n` handlers of `instance` have begun; each attempt counts.
    pub async fn begun(&self, instance: i64, n: usize) -> Vec<Executed> {
        let what = format!("{n} handlers of instance {instance} have begun");
        wait_until(&what, BOUND, async || {
            let mut executed = self.executed(instance).await;
            executed.retain(|executed| executed.event == "begin");
            if executed.len() >= n {
                Ok(executed)
            } else {
                Err(executed)
            }
        })
        .await
    }

    /// How an instance ended, if it has.
    pub async fn try_ended(&self, instance: i64) -> Option<Ended> {
        let mut rows: Vec<Ended> = sqlx::query_as(
            "select state, total, succeeded, failed, cancelled, reason from instance_ended where id = $1",
        )
        .bind(instance)
        .fetch_all(&self.pool)
        .await
        .expect("instances can be read");
        assert!(
            rows.len() <= 1,
            "instance {instance} ended more than once: {rows:?}"
        );
        rows.pop()
    }

    /// Waits until an instance has ended.
    pub async fn ended(&self, instance: i64, bound: Duration) -> Ended {
        let what = format!("instance {instance} ends");
        wait_until(&what, bound, async || {
            match self.try_ended(instance).await {
                Some(ended) => Ok(ended),
                None => Err(self.shards(instance).await),
            }
        })
        .await
    }

    /// Where the shards of a running instance are.
    pub async fn shards(&self, instance: i64) -> Vec<(String, i32, i16)> {
        sqlx::query_as(
            "select 'ready', i.item, attempt from shard_ready r cross join generate_series(r.item, r.item + r.n - 1) i (item) where instance_id = $1
             union all select 'delayed', item, attempt from shard_delayed where instance_id = $1
             union all select 'running', chunk::integer * 64 + bit, attempt from shard_running cross join unnest(mask_bits(open)) bit where instance_id = $1
             order by 2, 3",
        )
        .bind(instance)
        .fetch_all(&self.pool)
        .await
        .expect("shards can be read")
    }

    /// The ended attempts of an instance as (item, attempt, outcome), in order.
    pub async fn attempts(&self, instance: i64) -> Vec<(i32, i16, String)> {
        sqlx::query_as(
            "select item, attempt, outcome from attempt_history where instance_id = $1 order by 1, 2",
        )
        .bind(instance)
        .fetch_all(&self.pool)
        .await
        .expect("attempts can be read")
    }

    /// Checks what must hold at every moment, in one snapshot: every shard of every instance is in exactly
    /// one place, the counters agree with the history, and nothing has ended twice.
    pub async fn assert_consistent(&self) {
        let wrong: Vec<(String, i64, i64)> = sqlx::query_as(CONSISTENT)
            .fetch_all(&self.pool)
            .await
            .expect("the namespace can be checked");
        assert!(
            wrong.is_empty(),
            "(what is wrong, instance, how many): {wrong:?}"
        );
    }

    /// Checks, after [`World::assert_consistent`], that nothing runs or waits any more.
    pub async fn assert_nothing_left(&self) {
        self.assert_consistent().await;
        let left: (i64, i64, i64, i64) = sqlx::query_as(
            "select (select count(*) from instance), (select coalesce(sum(n), 0) from shard_ready),
                (select count(*) from shard_delayed), (select coalesce(sum(mask_count(open)), 0) from shard_running)",
        )
        .fetch_one(&self.pool)
        .await
        .expect("the namespace can be checked");
        assert_eq!(
            left,
            (0, 0, 0, 0),
            "instances, ready, delayed and running shards are left"
        );
    }

    /// Checks that every tick of a job on a `* * * * * ?` schedule, from the first that was planned to the
    /// one before the next, is accounted for exactly once. Returns how many ticks were `fired`, `skipped`
    /// and `coalesced`.
    pub async fn assert_ticks_exact(&self, job: &crate::Job) -> (i64, i64, i64) {
        let first = job.first.next_fire_at.expect("the job has a schedule");
        self.assert_ticks_exact_from(job.id, first).await
    }

    /// As [`World::assert_ticks_exact`], where the first tick is another than the one at the job's creation.
    pub async fn assert_ticks_exact_from(&self, job: i64, first: DateTime<Utc>) -> (i64, i64, i64) {
        let (wrong, fired, skipped, coalesced): (Vec<String>, i64, i64, i64) =
            sqlx::query_as(TICKS)
                .bind(job)
                .bind(first)
                .fetch_one(&self.pool)
                .await
                .expect("ticks can be read");
        assert!(
            wrong.is_empty(),
            "ticks of job {job} from {first}: {wrong:?}"
        );
        (fired, skipped, coalesced)
    }
}

/// `$1` is the job, `$2` its first tick.
const TICKS: &str = "
with covered as (
    select scheduled_at, last_scheduled_at, count, outcome,
        lag(last_scheduled_at) over (order by scheduled_at) as before
    from tick where job_id = $1
), wrong as (
    select format('%s follows %s', scheduled_at, before) as what from covered
    where scheduled_at <> coalesce(before + interval '1 s', $2)
    union all
    select format('%s to %s counts %s', scheduled_at, last_scheduled_at, count) from covered
    where count <> extract(epoch from last_scheduled_at - scheduled_at) + 1
    union all
    select format('next is %s after %s', s.next_fire_at, l.last)
    from job_schedule s, (select max(last_scheduled_at) as last from tick where job_id = $1) l
    where s.job_id = $1 and s.next_fire_at <> coalesce(l.last + interval '1 s', $2)
    union all
    select format('%s fired without an instance of its own', t.scheduled_at) from tick t
    where t.job_id = $1 and t.outcome = 'fired' and 1 <> (
        select count(*) from (
            select id, job_id, scheduled_at from instance
            union all select id, job_id, scheduled_at from instance_queued
            union all select id, job_id, scheduled_at from instance_ended
        ) i where i.id = t.instance_id and i.job_id = t.job_id and i.scheduled_at = t.scheduled_at)
    union all
    select format('instance %s has no tick', i.id) from (
        select id, job_id, scheduled_at, trigger from instance
        union all select id, job_id, scheduled_at, trigger from instance_queued
        union all select id, job_id, scheduled_at, trigger from instance_ended) i
    where i.job_id = $1 and i.trigger = 'schedule'
        and not exists (select from tick t where t.instance_id = i.id and t.scheduled_at = i.scheduled_at)
)
select coalesce((select array_agg(what) from wrong), '{}'),
    coalesce(sum(count) filter (where outcome = 'fired'), 0)::bigint,
    coalesce(sum(count) filter (where outcome = 'skipped'), 0)::bigint,
    coalesce(sum(count) filter (where outcome = 'coalesced'), 0)::bigint
from covered";

const CONSISTENT: &str = "
with place as (
    select instance_id, i.item from shard_ready r cross join generate_series(r.item, r.item + r.n - 1) i (item)
    union all select instance_id, item from shard_delayed
    union all select instance_id, chunk::integer * 64 + bit from shard_running cross join unnest(mask_bits(open)) bit
), final as (
    select instance_id, item, outcome from attempt_history where final
), everything as (
    select instance_id, item from place union all select instance_id, item from final
), open as (
    select instance_id, count(*) as n from place group by 1
), closed as (
    select instance_id, count(*) as n, count(*) filter (where outcome = 'succeeded') as succeeded,
        count(*) filter (where outcome = 'cancelled') as cancelled
    from final group by 1
), rerun as (
    -- What succeeded of an instance counts in the one that runs the rest again.
    select i.id, o.succeeded as before
    from (select id, cause_id, trigger from instance union all select id, cause_id, trigger from instance_ended) i
    join instance_ended o on o.id = i.cause_id where i.trigger = 'rerun'
)
select 'a shard is in more than one place', instance_id, count(*) from (
    select instance_id from everything group by instance_id, item having count(*) > 1) twice group by 2
union all
select 'a claim ended more than once', instance_id, count(*) from (
    select instance_id from attempt_history where client_id is not null
    group by instance_id, item, attempt having count(*) > 1) twice group by 2
union all
select 'a shard belongs to no instance', p.instance_id, p.n from open p
where not exists (select from instance i where i.id = p.instance_id)
union all
select 'remaining differs from the shards that are left', i.id, i.remaining - coalesce(o.n, 0)
from instance i left join open o on o.instance_id = i.id where i.remaining <> coalesce(o.n, 0)
union all
select 'an instance runs without a shard that is left', i.id, 1 from instance i where i.remaining = 0
union all
select 'counters of a running instance do not add up', i.id, 1 from instance i
where i.remaining + i.succeeded + i.failed <> i.total
union all
select 'counters of a running instance differ from its history', i.id, 1
from instance i left join closed c on c.instance_id = i.id left join rerun r on r.id = i.id
where i.succeeded <> coalesce(c.succeeded, 0) + coalesce(r.before, 0) or i.succeeded + i.failed <> coalesce(c.n, 0) + coalesce(r.before, 0)
union all
select 'counters of an ended instance do not add up', e.id, 1 from instance_ended e
where e.succeeded + e.failed + e.cancelled <> e.total
union all
select 'counters of an ended instance differ from its history', e.id, 1
from instance_ended e left join closed c on c.instance_id = e.id left join rerun r on r.id = e.id
where e.total <> coalesce(c.n, 0) + coalesce(r.before, 0) or e.succeeded <> coalesce(c.succeeded, 0) + coalesce(r.before, 0) or e.cancelled <> coalesce(c.cancelled, 0)
union all
select 'the state of an ended instance belies its counters', e.id, 1 from instance_ended e
join job_version v on v.job_id = e.job_id and v.version = e.job_version
where e.state = 'succeeded' and e.succeeded + least(e.failed, (v.definition ->> 'allowed_failures')::integer) <> e.total
    or e.state = 'failed' and e.reason is null and (e.failed = 0 or e.cancelled > 0)
union all
select 'an instance ended more than once', id, count(*) from instance_ended group by id having count(*) > 1
union all
select 'an instance has ended and runs', e.id, 1 from instance_ended e join instance i on i.id = e.id";

impl Drop for World {
    fn drop(&mut self) {
        // What a failed test leaves may tell why; a PostgreSQL of its own goes with its files anyway.
        if self.database.is_own() || std::thread::panicking() {
            return;
        }
        let (url, record) = (self.database.url().to_owned(), self.record_schema());
        let sql = format!(
            "set lock_timeout = '5s'; drop schema if exists {} cascade; drop schema {record} cascade",
            self.namespace
        );
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime starts").block_on(async {
                let mut conn = PgConnection::connect(&url).await?;
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                    .execute(&mut conn)
                    .await?;
                conn.close().await
            })
        })
        .join();
        if let Ok(Err(error)) = cleaned {
            eprintln!("the namespace {} stays behind: {error}", self.namespace);
        }
    }
}

/// A server before its start.
#[must_use]
#[derive(Debug)]
pub struct ServerSetup<'a> {
    world: &'a World,
    arguments: Vec<String>,
}

impl ServerSetup<'_> {
    /// Adds arguments; a later one of the same name wins.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Starts it and waits until it listens, which it does before it has seen the database.
    pub async fn listen(self) -> Server {
        let mut command = Command::new(program("antares-server-under-test"));
        command.arg("run").env("ANTARES_ADMIN_PASSWORD", PASSWORD);
        let defaults = [
            ("--database-url", self.world.database.url()),
            ("--namespace", self.world.namespace()),
            ("--listen", "127.0.0.1:0"),
            ("--failover-wait", FAILOVER_WAIT),
            ("--pool-size", "4"),
        ];
        for (name, value) in defaults {
            if !self.arguments.iter().any(|argument| argument == name) {
                command.args([name, value]);
            }
        }
        command.args(&self.arguments);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Server::listening(Process::spawn(format!("server {number}"), command)).await
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Server {
        let server = self.listen().await;
        server.ready().await;
        server
    }
}

/// A client process before its start.
#[must_use]
#[derive(Debug)]
pub struct ClientSetup<'a> {
    world: &'a World,
    name: Option<String>,
    handlers: Vec<String>,
    arguments: Vec<String>,
}

impl ClientSetup<'_> {
    /// Its name in the records.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// How many shards it runs at once; 32 if not said.
    pub fn slots(self, slots: u32) -> Self {
        self.argument("--slots", &slots.to_string())
    }

    /// The handlers it has, instead of `work`.
    pub fn handlers(mut self, handlers: &[&str]) -> Self {
        self.handlers = handlers.iter().map(|&handler| handler.to_owned()).collect();
        self
    }

    /// It runs scripts too.
    pub fn scripts(mut self) -> Self {
        self.arguments.push("--scripts".to_owned());
        self
    }

    /// How long it waits for its handlers when it stops.
    pub fn drain_timeout(self, timeout: Duration) -> Self {
        self.argument("--drain-timeout-ms", &timeout.as_millis().to_string())
    }

    fn argument(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Starts it, and returns at once.
    pub fn spawn(self) -> ClientProcess {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = self.name.unwrap_or_else(|| format!("client {number}"));
        let mut command = Command::new(program("antares-client-under-test"));
        command
            .args(["--name", &name, "--database-url", self.world.database.url()])
            .args([
                "--table",
                &format!("{}.execution", self.world.record_schema()),
            ])
            .args(
                self.handlers
                    .iter()
                    .flat_map(|handler| ["--handler", handler]),
            )
            .args(self.arguments);
        ClientProcess {
            process: Process::spawn(name, command),
        }
    }

    /// Starts it and waits until it is registered.
    pub async fn start(self) -> ClientProcess {
        let world = self.world;
        let client = self.spawn();
        client.id(world).await;
        client
    }
}

/// Holds handlers up until it is opened.
#[derive(Debug)]
pub struct Gate {
    path: PathBuf,
}

impl Gate {
    /// Handlers wait for it, then succeed.
    pub fn work(&self) -> crate::Work {
        crate::Work {
            gate: Some(self.path.clone()),
            ..crate::Work::default()
        }
    }

    /// Lets all go on, those that come later too.
    pub fn open(&self) {
        std::fs::write(&self.path, "open").expect("the gate opens");
    }
}

/// How an instance ended.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Ended {
    pub state: String,
    pub total: i32,
    pub succeeded: i32,
    pub failed: i32,
    pub cancelled: i32,
    pub reason: Option<String>,
}

impl Ended {
    /// State and the counts of succeeded, failed and cancelled shards.
    pub fn summary(&self) -> (&str, i32, i32, i32) {
        (&self.state, self.succeeded, self.failed, self.cancelled)
    }
}
