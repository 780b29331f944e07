//! The main job, end to end: a private PostgreSQL, two servers, three clients, a million orders.
//!
//! With `--check` it also kills a server and a client in the middle, and then asks the database whether
//! every order was settled exactly once, every tick decided exactly once, and nothing is left running.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use antares_embedded::{Binaries, Options, Postgres};
use clap::Args;
use sqlx::PgPool;
use tokio::time::Instant;

use crate::boot::StartError;
use crate::domain::secret;

mod admin;
mod check;
pub mod client;
mod orders;
mod process;

use admin::Admin;
use process::{Child, Crew};

/// Namespace of the demo in a database that is not its own.
const NAMESPACE: &str = "antares_demo";
/// Name of the demo's app.
const APP: &str = "demo";

/// How the demo runs.
#[derive(Debug, Args)]
pub struct Demo {
    /// Run unattended: kill a server and a client, verify, print what was checked, exit 0 or 1.
    #[arg(long)]
    check: bool,
    /// How many orders to settle.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    orders: u32,
    /// PostgreSQL to use instead of a private one. The demo makes two schemas there and drops them.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Folder for data and logs; it is removed at the end. A new one in the system's temporary folder if
    /// left out.
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

/// Any trouble of the demo, in one line.
type Result<T> = std::result::Result<T, StartError>;

fn failed(what: &str) -> impl Fn(&dyn std::fmt::Display) -> StartError {
    move |error| StartError(format!("{what}: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn sql(error: sqlx::Error) -> StartError {
    StartError(format!("the demo's database: {error}"))
}

impl Demo {
    /// Runs it.
    pub async fn run(&self) -> Result<ExitCode> {
        let started = Instant::now();
        let mut signals = crate::cli::Signals::catch()?;
        let folder = self.folder()?;
        let postgres = self.postgres(&folder).await?;
        let url = match (&postgres, &self.database_url) {
            (Some(postgres), _) => postgres.url("postgres"),
            (None, Some(url)) => url.clone(),
            (None, None) => return Err(StartError("database-url: there is none".into())),
        };
        let mut crew = Crew::new(folder.clone(), url.clone());
        let done = tokio::select! {
            done = self.play(&mut crew, &url, started) => done,
            () = signals.next() => {
                say("stopping");
                Ok(true)
            }
        };
        if matches!(done, Err(_) | Ok(false)) {
            crew.print_logs();
        }
        crew.stop().await;
        orders::drop_schemas(&url).await;
        if let Some(postgres) = postgres {
            let stopped = tokio::task::spawn_blocking(move || postgres.stop()).await;
            if let Ok(Err(error)) = stopped {
                return Err(StartError(format!("postgresql: {error}")));
            }
        }
        // What is left are the logs.
        let _ = std::fs::remove_dir_all(&folder);
        if self.check {
            say(&format!("took {:.1} s", started.elapsed().as_secs_f64()));
        }
        Ok(if done? {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn folder(&self) -> Result<PathBuf> {
        let folder = self.data_dir.clone().unwrap_or_else(|| {
            std::env::temp_dir().join(format!("antares-demo-{}", &secret::generate()[..8]))
        });
        std::fs::create_dir_all(&folder)
            .map_err(|error| failed(&format!("data-dir: {}", folder.display()))(&error))?;
        Ok(folder)
    }

    async fn postgres(&self, folder: &std::path::Path) -> Result<Option<Postgres>> {
        if self.database_url.is_some() {
            say("postgresql: the given one");
            return Ok(None);
        }
        let data = folder.join("postgres");
        tokio::task::spawn_blocking(move || {
            let binaries = Binaries::locate(&mut |line| say(line))?;
            let mut options = Options::temporary();
            options.data_dir = data;
            Postgres::start(
                &binaries,
                options
                    .set("shared_buffers", "256MB")
                    .set("max_wal_size", "4GB"),
            )
        })
        .await
        .map_err(|error| failed("postgresql")(&error))?
        .map(Some)
        .map_err(|error| failed("postgresql")(&error))
    }

    async fn play(&self, crew: &mut Crew, url: &str, started: Instant) -> Result<bool> {
        orders::drop_schemas(url).await;
        let pool = orders::connect(url).await?;
        orders::create(&pool, self.orders).await?;
        say(&format!("orders: {} generated", self.orders));

        let password = std::env::var("ANTARES_ADMIN_PASSWORD")
            .ok()
            .filter(|password| !password.is_empty())
            .unwrap_or_else(|| secret::generate()[..12].to_owned());
        let app_secret = secret::generate();
        let servers = [
            crew.server(22122, &password)?,
            crew.server(22123, &password)?,
        ];
        let admin = Admin::new(&servers, &password);
        admin.wait_ready().await?;
        say(&format!("servers: {} and {}", servers[0], servers[1]));
        admin.create_app(APP, &app_secret).await?;
        for n in 1..=3 {
            crew.client(n, &servers, &app_secret)?;
        }
        admin.wait_clients(3).await?;
        say("clients: three processes");
        let jobs = admin.create_jobs(APP, self.orders).await?;
        say(
            "jobs: settle-orders, settlement-report (follows it), disk-report (a script), always-fails, not-yet (answers Later)",
        );
        say(&format!(
            "console: {}   user admin, password {password}",
            servers[0]
        ));

        if !self.check {
            say("running until Ctrl-C");
            loop {
                tokio::time::sleep(Duration::from_secs(2)).await;
                let (settled, _) = orders::progress(&pool).await?;
                let (ended, running) = check::instances(&pool).await?;
                say(&format!(
                    "settled {settled} orders; {ended} instances ended, {running} running"
                ));
            }
        }
        self.kill_in_the_middle(crew, &pool).await?;
        wait_for(
            "every order to be settled",
            Duration::from_secs(90),
            async || Ok(orders::progress(&pool).await?.0 >= i64::from(self.orders)),
        )
        .await?;
        say(&format!(
            "all orders settled after {:.1} s",
            started.elapsed().as_secs_f64()
        ));
        // A shard that answers Later takes its third attempt in its own time.
        wait_for(
            "a job that answered Later to succeed",
            Duration::from_secs(30),
            async || check::has_succeeded(&pool, "not-yet").await,
        )
        .await?;
        for job in &jobs {
            admin.pause(*job).await?;
        }
        wait_for("what runs to end", Duration::from_secs(30), async || {
            Ok(check::instances(&pool).await?.1 == 0)
        })
        .await?;
        check::report(&pool, i64::from(self.orders)).await
    }

    async fn kill_in_the_middle(&self, crew: &mut Crew, pool: &PgPool) -> Result<()> {
        let total = i64::from(self.orders);
        let reached = async |part: i64| {
            wait_for(
                "the orders to progress",
                Duration::from_mins(1),
                async || Ok(orders::progress(pool).await?.0 >= total * part / 100),
            )
            .await
        };
        reached(20).await?;
        crew.kill(Child::Server(1)).await?;
        say("killed server 1 with SIGKILL");
        reached(40).await?;
        // In the middle of its work: while it holds a shard.
        wait_for(
            "a client to hold a shard",
            Duration::from_secs(30),
            async || check::holds_shards(pool, crew.pid(Child::Client(2))).await,
        )
        .await?;
        crew.kill(Child::Client(2)).await?;
        say("killed client 2 with SIGKILL while it held a shard");
        Ok(())
    }
}

/// Waits until `condition` holds, asking often, and gives up after `bound`.
async fn wait_for(
    what: &str,
    bound: Duration,
    mut condition: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let started = Instant::now();
    while !condition().await? {
        if started.elapsed() > bound {
            return Err(StartError(format!(
                "waited {} s for {what}",
                bound.as_secs()
            )));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn say(line: &str) {
    println!("{line}");
}
