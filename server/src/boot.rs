//! A replica starts, runs, and stops.

mod database;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
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
use crate::engine::{firer, listener, maintainer, membership, reader, starter, sweeper};
use crate::health::Health;
use crate::http::admin::overview::Latest;
use crate::http::direct::Direct;
use crate::http::serve::serve;
use crate::reads::Reads;
use crate::store::server::Identity;
use crate::store::{self, pool};

use database::read_options;
pub use database::{connect_options, wait_for_database};

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
    task: JoinHandle<()>,
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
    let reads = read_database(&config, server_id)?;
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
    // Membership and notifications have one each. Of the rest the loops get most: firing alone works on several.
    let cold = 1.max((config.pool_size - 2) / 3);
    let app: Shared = Arc::new(App {
        pool: pool::pool(options.clone(), cold),
        hot: pool::hot_pool(options.clone(), config.pool_size - 2 - cold),
        reads,
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
        overview: Latest::default(),
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
        previous: None,
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
        tracker.spawn(starter::run(Arc::clone(&app)));
        tracker.spawn(sweeper::rescue(Arc::clone(&app)));
        tracker.spawn(sweeper::stage(Arc::clone(&app)));
        tracker.spawn(listener::listen(Arc::clone(&app), options));
        tracker.spawn(listener::tell(Arc::clone(&app)));
        tracker.spawn(maintainer::run(Arc::clone(&app)));
        tracker.spawn(reader::run(Arc::clone(&app)));
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
        let service = Direct::new(Arc::clone(app), router);
        let task = tokio::spawn(serve(listener, service, stopping.clone()));
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
        if let Some(reads) = &self.app.reads {
            reads.close().await;
        }
        tracing::info!("stopped");
    }
}

/// The read database, if there is one. Whether it can be used shows later.
fn read_database(config: &Config, server_id: Uuid) -> Result<Option<Reads>, StartError> {
    let Some(url) = config.read_database_url.as_deref() else {
        return Ok(None);
    };
    let options = read_options(url, &format!("antares-server reads {server_id}"))?;
    Ok(Some(Reads::new(options, &config.namespace)))
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
