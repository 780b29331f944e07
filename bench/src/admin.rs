//! The admin API, as far as benchmarks need it.

use std::time::Duration;

use antares_protocol::app::CreateApp;
use antares_protocol::job::{CreateJob, Job, JobSpec, TriggerJob, Triggered};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Result;
use crate::worker::APP;

/// Answer to `POST /api/v1/triggers`, as far as it matters here: a job that was not triggered has none.
#[derive(Deserialize)]
struct BulkTriggered {
    results: Vec<BulkResult>,
}

#[derive(Deserialize)]
struct BulkResult {
    instance_id: Option<i64>,
}

/// An operator at one server.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    http: reqwest::Client,
    server: String,
    password: String,
}

impl Admin {
    pub(crate) fn new(server: &str, password: &str) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder()
                .no_proxy()
                .tcp_nodelay(true)
                .timeout(Duration::from_secs(30))
                .build()?,
            server: server.to_owned(),
            password: password.to_owned(),
        })
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(StatusCode, String)> {
        let answer = self
            .http
            .request(method, format!("{}{path}", self.server))
            .basic_auth("admin", Some(&self.password))
            .json(body)
            .send()
            .await?;
        Ok((answer.status(), answer.text().await?))
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T> {
        match self.call(Method::POST, path, body).await? {
            (status, text) if status.is_success() => Ok(serde_json::from_str(&text)?),
            (status, text) => Err(format!("{path}: {status} {text}").into()),
        }
    }

    /// Whether the server answers that it is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer = self
            .http
            .get(format!("{}/readyz", self.server))
            .send()
            .await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// How many ticks the server has fired.
    pub(crate) async fn fired(&self) -> Result<u64> {
        let url = format!("{}/metrics", self.server);
        let text = self.http.get(url).send().await?.text().await?;
        text.lines()
            .find_map(|line| line.strip_prefix("antares_fired_total ")?.parse().ok())
            .ok_or_else(|| "the server has no metric antares_fired_total".into())
    }

    pub(crate) async fn create_app(&self, name: &str, secret: &str) -> Result<()> {
        let app = CreateApp {
            name: name.to_owned(),
            description: "What the benchmarks run".to_owned(),
            secret: Some(secret.to_owned()),
        };
        self.post::<serde_json::Value>("/api/v1/apps", &app).await?;
        Ok(())
    }

    /// Creates a job and returns its id.
    pub(crate) async fn create_job(&self, spec: JobSpec) -> Result<i64> {
        let job = CreateJob {
            app: APP.to_owned(),
            enabled: true,
            spec,
        };
        Ok(self.post::<Job>("/api/v1/jobs", &job).await?.id)
    }

    pub(crate) async fn pause(&self, job: i64) -> Result<()> {
        self.post::<Job>(&format!("/api/v1/jobs/{job}/pause"), &())
            .await?;
        Ok(())
    }

    /// Runs a job now and returns the instance; `None` if one is running.
    pub(crate) async fn trigger(&self, job: i64) -> Result<Option<i64>> {
        let path = format!("/api/v1/jobs/{job}/trigger");
        let (status, text) = self
            .call(Method::POST, &path, &TriggerJob::default())
            .await?;
        if status == StatusCode::CONFLICT {
            return Ok(None);
        }
        if !status.is_success() {
            return Err(format!("{path}: {status} {text}").into());
        }
        Ok(Some(serde_json::from_str::<Triggered>(&text)?.instance_id))
    }

    /// Runs many jobs now, up to 1000. Returns how many of them were; the others still run.
    pub(crate) async fn trigger_many(&self, jobs: &[i64]) -> Result<Vec<bool>> {
        let triggers: Vec<Value> = jobs.iter().map(|job| json!({ "job_id": job })).collect();
        let body = json!({ "triggers": triggers });
        let answer: BulkTriggered = self.post("/api/v1/triggers", &body).await?;
        if answer.results.len() != jobs.len() {
            let (sent, got) = (jobs.len(), answer.results.len());
            return Err(format!("/api/v1/triggers: {sent} triggers, {got} results").into());
        }
        let fired = answer.results.iter().map(|r| r.instance_id.is_some());
        Ok(fired.collect())
    }

    /// Reads a page and throws it away. Returns how many bytes it had.
    pub(crate) async fn get(&self, path: &str) -> Result<usize> {
        match self.call(Method::GET, path, &()).await? {
            (status, text) if status.is_success() => Ok(text.len()),
            (status, text) => Err(format!("{path}: {status} {text}").into()),
        }
    }
}
