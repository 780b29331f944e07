//! Calls of the admin API and of the client protocol, as tests make them.

use std::time::Duration;

use antares_client::api::{ApiError, ClientApi};
use antares_protocol::client::{
    Cancel, Claim, ClaimToken, ClaimedShard, Outcome, RegisterClient, Renew, Report, ReportStatus,
    ShardResult,
};
use antares_protocol::job::{CreateJob, Job as JobView, JobSpec, Triggered};
use chrono::DateTime;
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Server, Work};

/// Password of the administrator in every world.
pub(crate) const PASSWORD: &str = "antares-tests";

/// The admin API of one server.
#[derive(Debug, Clone)]
pub struct Admin {
    http: reqwest::Client,
    url: String,
}

impl Admin {
    pub(crate) fn new(url: &str) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("the HTTP client is set up");
        Self {
            http,
            url: url.to_owned(),
        }
    }

    /// Makes a call as the administrator. `None` if there was no answer.
    pub async fn try_call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(StatusCode, Value)> {
        let mut call = self
            .http
            .request(method, format!("{}{path}", self.url))
            .basic_auth("admin", Some(PASSWORD));
        if let Some(body) = body {
            call = call.json(body);
        }
        let answer = call.send().await.ok()?;
        let status = answer.status();
        let text = answer.text().await.ok()?;
        Some((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    /// Makes a call as the administrator.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let what = format!("{method} {path}");
        let answer = self.try_call(method, path, body).await;
        answer.unwrap_or_else(|| panic!("{what}: no answer from {}", self.url))
    }

    /// Reads something that is there.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        let (status, body) = self.call(Method::GET, path, None).await;
        parse("GET", path, status, &body)
    }

    /// Makes a change that is allowed.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        let (status, body) = self.call(Method::POST, path, Some(&json!(body))).await;
        parse("POST", path, status, &body)
    }

    /// Reads text.
    pub async fn text(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await;
        answer
            .expect("the server answers")
            .text()
            .await
            .expect("the answer is text")
    }

    /// Status and body of `/readyz`; `None` if there was no answer.
    pub async fn readyz(&self) -> Option<(u16, Value)> {
        let (status, body) = self.try_call(Method::GET, "/readyz", None).await?;
        Some((status.as_u16(), body))
    }
}

fn parse<T: DeserializeOwned>(method: &str, path: &str, status: StatusCode, body: &Value) -> T {
    assert!(status.is_success(), "{method} {path}: {status} {body}");
    T::deserialize(body).unwrap_or_else(|error| panic!("{method} {path}: {error} in {body}"))
}

/// An app. Made by [`crate::World::app`].
#[derive(Debug, Clone)]
pub struct App {
    admin: Admin,
    pub id: i64,
    pub name: String,
    pub secret: String,
}

impl App {
    pub(crate) async fn create(admin: &Admin, name: &str) -> Self {
        let secret = format!("the secret of {name}");
        let created: Value = admin
            .post("/api/v1/apps", &json!({ "name": name, "secret": secret }))
            .await;
        Self {
            admin: admin.clone(),
            id: created["id"].as_i64().expect("an app has an id"),
            name: name.to_owned(),
            secret,
        }
    }

    /// An app that was made otherwise, as in the console.
    pub fn known(admin: &Admin, id: i64, name: &str, secret: &str) -> Self {
        Self {
            admin: admin.clone(),
            id,
            name: name.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// Creates a job, on the schedule at once. Its handler is `work` unless `change` says otherwise.
    pub async fn job(&self, name: &str, change: impl FnOnce(&mut JobSpec)) -> Job {
        let mut spec = JobSpec::new(name);
        spec.handler = Some("work".to_owned());
        change(&mut spec);
        let request = CreateJob {
            app: self.name.clone(),
            enabled: true,
            spec,
        };
        let view: JobView = self.admin.post("/api/v1/jobs", &request).await;
        Job {
            admin: self.admin.clone(),
            id: view.id,
            first: view,
        }
    }

    /// The client protocol on `servers`, for calls one by one.
    pub fn protocol(&self, servers: &[&Server]) -> ClientApi {
        ClientApi::new(
            servers.iter().map(|server| server.url()),
            &self.name,
            &self.secret,
        )
        .expect("the addresses are right")
    }

    /// A client whose every call the test makes itself, on one server. It has `slots` of 100 and the
    /// handlers given.
    pub async fn raw_client(&self, server: &Server, handlers: &[&str]) -> RawClient {
        let api = self.protocol(&[server]);
        let request = RegisterClient {
            host: "raw".to_owned(),
            handlers: handlers.iter().map(|&handler| handler.to_owned()).collect(),
            slots: 100,
            ..RegisterClient::default()
        };
        let registered = api.register(&request).await.expect("the client registers");
        RawClient {
            api,
            id: registered.client_id,
        }
    }
}

/// A job. Made by [`App::job`].
#[derive(Debug, Clone)]
pub struct Job {
    admin: Admin,
    pub id: i64,
    /// As it was when created.
    pub first: JobView,
}

impl Job {
    /// The same job, called through `server`.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self {
            admin: server.admin().clone(),
            ..self.clone()
        }
    }

    /// As it is now.
    pub async fn view(&self) -> JobView {
        self.admin.get(&format!("/api/v1/jobs/{}", self.id)).await
    }

    /// Runs it now. Returns the instance.
    pub async fn trigger(&self) -> i64 {
        self.trigger_json(&json!({})).await
    }

    /// Runs it now, with `work` as its parameter. Returns the instance.
    pub async fn trigger_with(&self, work: &Work) -> i64 {
        self.trigger_json(&json!({ "param": work })).await
    }

    async fn trigger_json(&self, body: &Value) -> i64 {
        let path = format!("/api/v1/jobs/{}/trigger", self.id);
        let triggered: Triggered = self.admin.post(&path, body).await;
        triggered.instance_id
    }

    /// Does `action` of the API, such as `stop`.
    pub async fn act(&self, action: &str) {
        let path = format!("/api/v1/jobs/{}/{action}", self.id);
        let (status, body) = self.admin.call(Method::POST, &path, None).await;
        assert!(status.is_success(), "{path}: {status} {body}");
    }

    /// Deletes it.
    pub async fn delete(&self) {
        let path = format!("/api/v1/jobs/{}", self.id);
        let (status, body) = self.admin.call(Method::DELETE, &path, None).await;
        assert!(status.is_success(), "{path}: {status} {body}");
    }
}

/// A client of which the test makes every call itself. It renews nothing by itself.
#[derive(Debug)]
pub struct RawClient {
    pub api: ClientApi,
    pub id: Uuid,
}

impl RawClient {
    /// The same client, calling `server`.
    #[must_use]
    pub fn at(&self, app: &App, server: &Server) -> Self {
        Self {
            api: app.protocol(&[server]),
            id: self.id,
        }
    }

    /// Claims up to `max` shards, waiting for the first up to `wait_ms`.
    pub async fn try_claim(&self, max: u32, wait_ms: u64) -> Result<Vec<ClaimedShard>, ApiError> {
        let request = Claim {
            max,
            wait_ms,
            results: Vec::new(),
        };
        Ok(self.api.claim(self.id, &request).await?.shards)
    }

    /// As [`RawClient::try_claim`], of a client whose lease stands.
    pub async fn claim(&self, max: u32, wait_ms: u64) -> Vec<ClaimedShard> {
        self.try_claim(max, wait_ms)
            .await
            .expect("the claim is answered")
    }

    /// Renews the lease, running `running`. Answers what it is to stop.
    pub async fn try_renew(&self, running: &[ClaimToken]) -> Result<Vec<Cancel>, ApiError> {
        let request = Renew {
            running: running.iter().copied().map(Into::into).collect(),
        };
        let renewed = self
            .api
            .renew(self.id, &request, Duration::from_secs(10))
            .await?;
        Ok(renewed.cancel)
    }

    /// As [`RawClient::try_renew`], of a client whose lease stands.
    pub async fn renew(&self, running: &[ClaimToken]) -> Vec<Cancel> {
        self.try_renew(running)
            .await
            .expect("the renewal is answered")
    }

    /// Reports results. Answers which counted.
    pub async fn report_all(&self, results: Vec<ShardResult>) -> Vec<ReportStatus> {
        let reported = self.api.report(self.id, &Report { results }).await;
        let reported = reported.expect("the report is answered");
        reported
            .results
            .iter()
            .map(|result| result.status)
            .collect()
    }

    /// Reports one result. Answers whether it counted.
    pub async fn report(&self, token: ClaimToken, outcome: Outcome) -> ReportStatus {
        self.report_all(vec![result(token, outcome)]).await[0]
    }

    /// Leaves.
    pub async fn leave(&self) {
        self.api.leave(self.id).await.expect("the client leaves");
    }
}

/// A result of `token`.
pub fn result(token: ClaimToken, outcome: Outcome) -> ShardResult {
    ShardResult {
        shard_id: token.shard_id,
        attempt: token.attempt,
        outcome,
        error: None,
        output: None,
        delay_ms: None,
        checkpoint: None,
        started_at: DateTime::UNIX_EPOCH,
        ended_at: DateTime::UNIX_EPOCH,
    }
}
