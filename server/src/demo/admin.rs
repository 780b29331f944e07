//! The demo as an operator: it uses the admin API like everybody else.

use std::time::Duration;

use antares_protocol::app::CreateApp;
use antares_protocol::cluster::Client;
use antares_protocol::job::{CreateJob, Job, JobKind, JobSpec, Script};
use antares_protocol::page::Page;
use antares_protocol::policy::{Dependency, DependencyOn, Pass};
use antares_protocol::schedule::Overlap;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::orders::SHARDS;
use super::{Result, StartError, failed, wait_for};

/// A user of the admin API that goes to the next server when one is gone.
pub(super) struct Admin {
    http: reqwest::Client,
    servers: Vec<String>,
    password: String,
}

impl Admin {
    pub(super) fn new(servers: &[String], password: &str) -> Self {
        Self {
            http: reqwest::Client::new(),
            servers: servers.to_vec(),
            password: password.to_owned(),
        }
    }

    /// Calls the API. `None` on a conflict.
    async fn call<T: DeserializeOwned>(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Option<T>> {
        let mut last = StartError("there is no server".into());
        for server in &self.servers {
            let mut request = self
                .http
                .request(method.clone(), format!("{server}{path}"))
                .basic_auth("admin", Some(&self.password))
                .timeout(Duration::from_secs(10));
            if let Some(body) = body {
                request = request.json(body);
            }
            match request.send().await {
                Err(error) => last = failed(path)(&error),
                Ok(answer) if answer.status().is_success() => {
                    return answer
                        .json()
                        .await
                        .map(Some)
                        .map_err(|error| failed(path)(&error));
                }
                // What is to be created is there: another process of the demo was faster.
                Ok(answer) if answer.status() == reqwest::StatusCode::CONFLICT => return Ok(None),
                Ok(answer) => {
                    let text = answer.text().await.unwrap_or_default();
                    return Err(StartError(format!("{path}: {text}")));
                }
            }
        }
        Err(last)
    }

    /// Waits until every server is ready.
    pub(super) async fn wait_ready(&self) -> Result<()> {
        wait_for(
            "the servers to be ready",
            Duration::from_mins(1),
            async || {
                for server in &self.servers {
                    let answer = self.http.get(format!("{server}/readyz")).send().await;
                    if !answer.is_ok_and(|answer| answer.status().is_success()) {
                        return Ok(false);
                    }
                }
                Ok(true)
            },
        )
        .await
    }

    /// Creates the app, unless there is one of that name.
    pub(super) async fn create_app(&self, name: &str, secret: &str) -> Result<()> {
        let app = CreateApp {
            name: name.to_owned(),
            description: "What the demo runs".to_owned(),
            secret: Some(secret.to_owned()),
        };
        self.call::<serde_json::Value>(reqwest::Method::POST, "/api/v1/apps", Some(&app))
            .await?;
        Ok(())
    }

    /// Waits until `n` clients have registered.
    pub(super) async fn wait_clients(&self, n: usize) -> Result<()> {
        wait_for(
            "the clients to register",
            Duration::from_secs(30),
            async || {
                let none: Option<&()> = None;
                let page: Option<Page<Client>> = self
                    .call(reqwest::Method::GET, "/api/v1/clients", none)
                    .await?;
                Ok(page.is_some_and(|page| page.items.len() >= n))
            },
        )
        .await
    }

    /// Creates those of the demo's jobs that are not there. Returns the ids of those that have a schedule.
    pub(super) async fn create_jobs(&self, app: &str, orders: u32) -> Result<Vec<i64>> {
        let mut settle = JobSpec::new("settle-orders");
        settle.description = "Settles open orders, each shard those with id % shards = item".into();
        settle.cron = Some("0/2 * * * * ?".into());
        settle.shard_count = SHARDS;
        settle.max_shards_per_client = 4;
        settle.max_attempts = 10;
        // About ten firings settle all.
        settle.param = serde_json::json!({ "most": (orders / SHARDS / 10).max(1) });

        let mut report = JobSpec::new("disk-report");
        report.description = "A script job: runs a real command on a client".into();
        report.kind = JobKind::Script;
        report.script = Some(Script::Body {
            interpreter: "sh".into(),
            body: "echo \"shard $ANTARES_SHARD_ITEM of $ANTARES_SHARD_TOTAL: $ANTARES_SHARD_PARAM\"\ndf -k \"$ANTARES_SHARD_PARAM\"\n".into(),
        });
        report.cron = Some("0/3 * * * * ?".into());
        report.shard_count = 2;
        report.shard_params = vec!["/".into(), "/tmp".into()];

        let mut fails = JobSpec::new("always-fails");
        fails.description = "Fails, to show what a failure looks like".into();
        fails.cron = Some("0/5 * * * * ?".into());

        let mut later = JobSpec::new("not-yet");
        later.description = "Answers Later twice before it succeeds".into();
        later.cron = Some("0/4 * * * * ?".into());

        let mut follows = JobSpec::new("settlement-report");
        follows.description =
            "Follows each instance of settle-orders, and adds up what its shards settled".into();
        follows.depends_on = vec![Dependency {
            app: None,
            job: settle.name.clone(),
            on: DependencyOn::Completion,
            pass: Pass::Outputs,
        }];
        follows.overlap = Overlap::Queue(1000);

        let mut ids = Vec::new();
        for spec in [settle, report, fails, later, follows] {
            let has_schedule = spec.cron.is_some();
            let request = CreateJob {
                app: app.to_owned(),
                enabled: true,
                spec,
            };
            let job: Option<Job> = self
                .call(reqwest::Method::POST, "/api/v1/jobs", Some(&request))
                .await?;
            ids.extend(job.filter(|_| has_schedule).map(|job| job.id));
        }
        Ok(ids)
    }

    pub(super) async fn pause(&self, job: i64) -> Result<()> {
        let none: Option<&()> = None;
        let path = format!("/api/v1/jobs/{job}/pause");
        self.call::<Job>(reqwest::Method::POST, &path, none).await?;
        Ok(())
    }
}
