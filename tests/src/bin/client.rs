//! A client process whose handlers do what the job's parameters tell them, and record that they did.

use std::time::Duration;

use antares_client::{Client, Context, Job, Listener, Outcome};
use antares_tests::Work;
use clap::Parser;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// A client under test.
#[derive(Debug, Parser)]
struct Options {
    /// Name in the records.
    #[arg(long)]
    name: String,
    /// Where to record, as a PostgreSQL address.
    #[arg(long)]
    database_url: String,
    /// Table to record in, with its schema.
    #[arg(long)]
    table: String,
    #[arg(long = "server", required = true)]
    servers: Vec<String>,
    #[arg(long)]
    app: String,
    #[arg(long)]
    secret: String,
    #[arg(long = "handler")]
    handlers: Vec<String>,
    #[arg(long, default_value_t = 32)]
    slots: u32,
    #[arg(long)]
    scripts: bool,
    #[arg(long, default_value_t = 30_000)]
    drain_timeout_ms: u64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .expect("the process is tied to its parent");
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let options = Options::parse();
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .connect_lazy(&options.database_url)
        .expect("the address of the records can be read");
    let recorder = Recorder {
        client: options.name.clone(),
        insert: format!(
            "insert into {} (client, job, instance_id, shard_id, item, attempt, event, detail)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            options.table
        ),
        pool,
    };
    let mut client = Client::builder(options.app, options.secret)
        .servers(options.servers)
        .slots(options.slots)
        .label("test", options.name)
        .drain_timeout(Duration::from_millis(options.drain_timeout_ms))
        .listener(Listening(recorder.clone()))
        .allow_scripts(options.scripts);
    for handler in options.handlers {
        client = client.handler(handler, Commanded(recorder.clone()));
    }
    client
        .build()
        .expect("the client's set-up is right")
        .run()
        .await;
}

#[derive(Debug, Clone)]
struct Recorder {
    client: String,
    insert: String,
    pool: PgPool,
}

impl Recorder {
    /// Writes a row, committed when this returns. A database that is being restarted is waited for.
    async fn record(&self, ctx: &Context, event: &str, detail: Option<&str>) {
        for _ in 0..200 {
            let inserted = sqlx::query(sqlx::AssertSqlSafe(self.insert.as_str()))
                .bind(&self.client)
                .bind(ctx.job())
                .bind(ctx.instance_id())
                .bind(ctx.shard_id())
                .bind(ctx.item())
                .bind(ctx.attempt())
                .bind(event)
                .bind(detail)
                .execute(&self.pool)
                .await;
            match inserted {
                Ok(_) => return,
                Err(error) => eprintln!("cannot record {event} yet: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("cannot record {event}");
    }
}

struct Commanded(Recorder);

impl Job for Commanded {
    type Output = Outcome;

    async fn run(&self, ctx: Context) -> Outcome {
        use antares_tests::End;

        let param = if ctx.param_value().is_object() {
            ctx.param_value()
        } else {
            ctx.job_param_value()
        };
        let work: Option<Work> = match serde_json::from_value(param.clone()) {
            Ok(work) => work,
            Err(error) => {
                return Outcome::fail(format!("the test's command cannot be read: {error}"));
            }
        };
        let mut work = work.unwrap_or_default();
        if work.until_attempt > 0 && ctx.attempt() > work.until_attempt {
            work = Work::default();
        }
        let before: Option<serde_json::Value> =
            ctx.last_checkpoint().expect("a checkpoint is JSON");
        let before = before.map(|value| value.to_string());
        if let Some(checkpoint) = &work.checkpoint {
            ctx.checkpoint(checkpoint).expect("the checkpoint is small");
        }
        if let Some(percent) = work.progress {
            ctx.progress(percent);
        }
        self.0.record(&ctx, "begin", before.as_deref()).await;
        tokio::select! {
            () = ctx.cancelled() => {
                let reason = ctx.cancel_reason().map(|reason| format!("{reason:?}"));
                self.0.record(&ctx, "cancelled", reason.as_deref()).await;
                return Outcome::fail("cancelled");
            }
            () = toil(&work) => {}
        }
        self.0.record(&ctx, "end", None).await;
        match work.end {
            End::Succeed => Outcome::output(&self.0.client),
            End::Fail(error) => Outcome::Fail(error),
            End::Later(delay_ms) => Outcome::later(Duration::from_millis(delay_ms)),
            End::Panic(message) => panic!("{message}"),
        }
    }
}

async fn toil(work: &Work) {
    if let Some(ms) = work.sleep_ms {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if let Some(gate) = &work.gate {
        while !gate.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    if work.hang {
        std::future::pending::<()>().await;
    }
}

struct Listening(Recorder);

impl Listener for Listening {
    async fn before(&self, ctx: &Context) {
        self.0.record(ctx, "before", None).await;
    }

    async fn after(&self, ctx: &Context, _outcome: &Outcome) {
        self.0.record(ctx, "after", None).await;
    }

    async fn success(&self, ctx: &Context) {
        self.0.record(ctx, "success", None).await;
    }

    async fn fail(&self, ctx: &Context, error: &str) {
        self.0.record(ctx, "fail", Some(error)).await;
    }
}
