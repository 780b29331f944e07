//! A replica starts, runs, and stops.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::app::{App, Metrics, Shared};
use crate::config::Config;
use crate::domain::secret;
use crate::engine::claimer::{self, Claimer};
use crate::engine::driver::Backoff;
use crate::engine::hint::Hints;
use crate::engine::renewer::{self, Renewer};
use crate::engine::reporter::{self, Reporter};
use crate::engine::{firer, listener, maintainer, membership, sweeper};
use crate::health::Health;
use crate::store::server::Identity;
use crate::store::{self, pool};

/// Oldest PostgreSQL supported, as `server_version_num`.
const OLDEST_POSTGRES: i32 = 140_000;
/// How long requests may take to end when the replica stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Name of the first administrator.
const ADMIN: &str = "admin";

/// A start that cannot succeed. One line that names what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// A replica that has been started.
pub struct Replica {
    /// What its parts share.
    pub app: Shared,
    http: Http,
    /// `None` if it was told to stop before the database was there.
    loops: Option<Loops>,
}

/// Requests being served.
struct Http {
    task: JoinHandle<std::io::Result<()>>,
    stopping: CancellationToken,
}

/// What runs in the background.
struct Loops {
    tracker: TaskTracker,
    /// These serve requests that are under way, and so outlive the signal to stop.
    serving: [JoinHandle<()>; 2],
}

/// Runs a replica until `stopping` is cancelled.
pub async fn run(config: Config, url: &str, stopping: CancellationToken) -> Result<(), StartError> {
    let replica = Box::pin(start(config, url, stopping)).await?;
    replica.wait().await;
    Ok(())
}

/// Starts a replica: it is ready, unless `stopping` was cancelled meanwhile. It runs until that is cancelled
/// and [`Replica::wait`] returns.
pub async fn start(
    config: Config,
    url: &str,
    stopping: CancellationToken,
) -> Result<Replica, StartError> {
    let server_id = Uuid::now_v7();
    let name = format!("antares-server {server_id}");
    let options = connect_options(url, &config.namespace, &name)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        StartError(format!(
            "listen: cannot listen on {}: {error}; choose another with --listen",
            config.listen
        ))
    })?;
    let address = listener
        .local_addr()
        .map_err(|error| StartError(format!("listen: {error}")))?;

    let (claimer, claims) = Claimer::new();
    let (reporter, reports) = Reporter::new();
    let (renewer, renewals) = Renewer::new();
    let app: Shared = Arc::new(App {
        // Membership and notifications have one each.
        pool: pool::pool(options.clone(), (config.pool_size - 2) / 2),
        hot: pool::hot_pool(options.clone(), (config.pool_size - 1) / 2),
        config,
        server_id,
        health: Health::starting(),
        hints: Hints::default(),
        claimer,
        reporter,
        renewer,
        verified: crate::http::auth::Verified::default(),
        jobs: crate::pipeline::cache::Jobs::default(),
        clients: crate::pipeline::cache::Clients::default(),
        stopping: stopping.clone(),
        metrics: Metrics::default(),
    });

    // Probes are answered from here on: a replica that waits for its database is alive, not ready.
    let mut replica = Replica {
        http: Http::serve(&app, listener),
        app: Arc::clone(&app),
        loops: None,
    };
    tracing::info!(%server_id, "listening on http://{address}");

    let identity = Identity {
        id: server_id,
        host: host_name(),
        pid: std::process::id() as i32,
        address: address.to_string(),
    };
    let prepared = tokio::select! {
        prepared = prepare(&app, &options) => prepared,
        () = stopping.cancelled() => Ok(()),
    };
    if let Err(error) = prepared {
        replica.close().await;
        return Err(error);
    }
    if !stopping.is_cancelled() {
        let (held, ownership) = membership::ownership();
        let tracker = TaskTracker::new();
        tracker.spawn(membership::run(
            Arc::clone(&app),
            options.clone(),
            identity,
            held,
        ));
        tracker.spawn(firer::run(Arc::clone(&app), ownership));
        tracker.spawn(claimer::run(Arc::clone(&app), claims));
        tracker.spawn(sweeper::rescue(Arc::clone(&app)));
        tracker.spawn(sweeper::stage(Arc::clone(&app)));
        tracker.spawn(listener::listen(Arc::clone(&app), options));
        tracker.spawn(listener::tell(Arc::clone(&app)));
        tracker.spawn(maintainer::run(Arc::clone(&app)));
        let serving = [
            tokio::spawn(reporter::run(Arc::clone(&app), reports)),
            tokio::spawn(renewer::run(Arc::clone(&app), renewals)),
        ];
        replica.loops = Some(Loops { tracker, serving });
        app.health.well("start");
        tracing::info!("ready on http://{address}");
    }
    Ok(replica)
}

impl Http {
    fn serve(app: &Shared, listener: TcpListener) -> Self {
        let stopping = CancellationToken::new();
        let router = crate::http::router(Arc::clone(app));
        let stopped = stopping.clone().cancelled_owned();
        let task = tokio::spawn(async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
        });
        Self { task, stopping }
    }
}

impl Replica {
    /// Waits until it is to stop, and has handed over and stopped.
    pub async fn wait(mut self) {
        if let Some(Loops { tracker, serving }) = self.loops.take() {
            self.app.stopping.cancelled().await;
            tracing::info!("stopping: handing over");
            tracker.close();
            if tokio::time::timeout(DRAIN, tracker.wait()).await.is_err() {
                tracing::warn!("some loops did not end in time; their leases will");
            }
            self.http.stopping.cancel();
            let http = &mut self.http.task;
            if tokio::time::timeout(DRAIN, http).await.is_err() {
                tracing::warn!("some requests did not end in time");
            }
            for task in serving {
                task.abort();
            }
        }
        self.close().await;
    }

    async fn close(self) {
        self.http.stopping.cancel();
        self.app.hot.close().await;
        self.app.pool.close().await;
        tracing::info!("stopped");
    }
}

/// Reads the database's address.
pub fn connect_options(
    url: &str,
    namespace: &str,
    name: &str,
) -> Result<PgConnectOptions, StartError> {
    let example = "write one like postgres://user:password@host:5432/database";
    // sqlx takes an address of any other kind of database for one of PostgreSQL.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(StartError(format!(
            "database-url: it is not an address of PostgreSQL; {example}"
        )));
    }
    pool::connect_options(url, namespace, name)
        .map_err(|error| StartError(format!("database-url: {error}; {example}")))
}

/// Brings the schema up to date and creates the administrator. Waits for the database as long as it takes.
async fn prepare(app: &Shared, options: &PgConnectOptions) -> Result<(), StartError> {
    wait_for_database(options, &app.config.namespace, |what| {
        app.health
            .trouble("start", format!("waiting for the database: {what}"));
    })
    .await?;
    let mut backoff = Backoff::default();
    loop {
        match create_administrator(app).await {
            Ok(()) => return Ok(()),
            Err(error) => {
                tracing::warn!(%error, "cannot create the administrator; trying again");
                backoff.wait().await;
            }
        }
    }
}

/// Migrates, waiting with back-off while the database is away. An error is one that waiting does not mend.
pub async fn wait_for_database(
    options: &PgConnectOptions,
    namespace: &str,
    waiting: impl Fn(&str),
) -> Result<(), StartError> {
    let mut backoff = Backoff::default();
    let mut said = false;
    loop {
        match migrate(options, namespace).await {
            Ok(()) => return Ok(()),
            Err(Migration::Fatal(error)) => return Err(error),
            Err(Migration::Away(what)) => {
                waiting(&what);
                if said {
                    tracing::debug!("the database is away: {what}");
                } else {
                    tracing::warn!("the database is away: {what}; waiting for it");
                    said = true;
                }
                backoff.wait().await;
            }
        }
    }
}

enum Migration {
    Away(String),
    Fatal(StartError),
}

impl From<sqlx::Error> for Migration {
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(|e| e.code().map(std::borrow::Cow::into_owned));
        let remedy = match code.as_deref() {
            Some("28P01" | "28000") => "check user and password in --database-url",
            Some("3D000") => "create the database, or name another in --database-url",
            Some("42501") => "let the user create schemas in the database",
            _ if pool::is_unavailable(&error) || pool::is_conflict(&error) => {
                return Self::Away(error.to_string());
            }
            _ => "see the message of PostgreSQL",
        };
        Self::Fatal(StartError(format!("database-url: {error}: {remedy}")))
    }
}

async fn migrate(options: &PgConnectOptions, namespace: &str) -> Result<(), Migration> {
    let mut conn = PgConnection::connect_with(options).await?;
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::integer")
        .fetch_one(&mut conn)
        .await?;
    if version < OLDEST_POSTGRES {
        return Err(Migration::Fatal(StartError(format!(
            "database-url: PostgreSQL {} is too old; 14 or later is needed",
            version / 10_000
        ))));
    }
    pool::create_namespace(options, namespace).await?;
    // Replicas that start together wait for one another here; long migrations may take their time.
    sqlx::raw_sql("set lock_timeout = 0; set statement_timeout = 0")
        .execute(&mut conn)
        .await?;
    store::MIGRATOR.run(&mut conn).await.map_err(|error| match error {
        sqlx::migrate::MigrateError::Execute(error) => Migration::from(error),
        sqlx::migrate::MigrateError::VersionMissing(version) => Migration::Fatal(StartError(format!(
            "the database has migration {version}, which this version does not know: use a newer antares-server"
        ))),
        error => Migration::Fatal(StartError(format!("cannot migrate: {error}"))),
    })?;
    // Without partitions history would pile up in the default ones.
    maintainer::create_ahead(&mut conn, true).await?;
    conn.close().await?;
    Ok(())
}

async fn create_administrator(app: &Shared) -> sqlx::Result<()> {
    let mut conn = app.pool.acquire().await?;
    let stored = store::session::password_hash(&mut conn, ADMIN).await?;
    let given = app
        .config
        .admin_password
        .as_deref()
        .filter(|password| !password.is_empty());
    match (stored, given) {
        (None, given) => {
            let password = given.map_or_else(secret::generate, str::to_owned);
            let hash = secret::hash(&password);
            let created = store::session::create_user(&mut conn, ADMIN, &hash).await?;
            if created && given.is_none() {
                // On standard output and nowhere else: a log is kept, and read by others.
                println!(
                    "The password of the user {ADMIN} is {password}\nIt is shown this once; set ANTARES_ADMIN_PASSWORD to choose one."
                );
            }
        }
        (Some(stored), Some(password)) => {
            if !secret::verify(password, &stored) {
                store::session::set_password(&mut conn, ADMIN, &secret::hash(password)).await?;
                tracing::info!("the administrator's password was changed to the configured one");
            }
        }
        (Some(_), None) => {}
    }
    Ok(())
}

fn host_name() -> String {
    std::fs::read_to_string(Path::new("/proc/sys/kernel/hostname"))
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_else(|| "unknown".to_owned())
}
