//! A namespace with something of everything in it, and raw HTTP calls that can be as wrong as they like.

use std::time::Duration;

use antares_protocol::problem::{PROBLEM_JSON, ProblemKind};
use antares_tests::{App, RawClient, Server, World};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Password that worlds give their administrator.
pub(super) const PASSWORD: &str = "antares-tests";

/// What a test sends wrong requests to.
pub(super) struct Fixture {
    pub world: World,
    pub server: Server,
    pub http: reqwest::Client,
    pub app: App,
    pub other: App,
    /// Waits, and no instance of it runs.
    pub idle: i64,
    /// Waits, with an instance that runs.
    pub busy: i64,
    /// Of `busy`: item 0 is `mine`'s, item 1 waits.
    pub instance: i64,
    pub mine: RawClient,
    /// Of the same app, holding nothing.
    pub mate: RawClient,
    /// Of the other app, holding `foreign_shard`.
    pub theirs: RawClient,
    pub foreign_shard: i64,
    /// Of the app, but it has left.
    pub gone: Uuid,
    /// Of the server.
    pub server_id: Uuid,
    /// `holidays`.
    pub calendar: i64,
    /// An instance that has failed.
    pub failed: i64,
}

/// Who a request says it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Caller<'a> {
    Nobody,
    Admin,
    Basic(&'a str, &'a str),
    Cookie(&'a str),
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let world = World::new().await;
        // Leases outlast the test: what it compares does not change by itself.
        let server = world
            .server()
            .arguments(&["--failover-wait", "10m", "--pool-size", "8"])
            .start()
            .await;
        let app = world.app(&server, "shop").await;
        let other = world.app(&server, "other").await;
        let idle = app.job("idle", |_| {}).await;
        let busy = app.job("busy", |spec| spec.shard_count = 2).await;
        let mine = app.raw_client(&server, &["work"]).await;
        let mate = app.raw_client(&server, &["nothing"]).await;
        let theirs = other.raw_client(&server, &["work"]).await;
        let instance = busy.trigger().await;
        let claimed = mine.claim(1, 10_000).await;
        assert_eq!((claimed.len(), claimed[0].item), (1, 0));
        let foreign = other.job("foreign", |_| {}).await;
        foreign.trigger().await;
        let foreign_shard = theirs.claim(1, 10_000).await[0].shard_id;
        let gone = app.raw_client(&server, &["work"]).await;
        gone.leave().await;
        let path = "/api/v1/calendars";
        let holidays: Value = server
            .admin()
            .post(path, &super::document::calendar("holidays"))
            .await;
        let calendar = holidays["id"].as_i64().expect("a calendar has an id");
        let limit = json!({ "max_running_shards": 3 });
        let (status, body) = server
            .admin()
            .call(Method::PUT, "/api/v1/limits/crm", Some(&limit))
            .await;
        assert_eq!(status, 200, "{body}");
        let broken = app
            .job("broken", |s| s.handler = Some("broken".into()))
            .await;
        let failed = broken.trigger().await;
        let breaker = app.raw_client(&server, &["broken"]).await;
        let token = breaker.claim(1, 10_000).await[0].token();
        breaker
            .report(token, antares_protocol::client::Outcome::Failed)
            .await;
        breaker.leave().await;
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .expect("the HTTP client is set up");
        Self {
            idle: idle.id,
            busy: busy.id,
            gone: gone.id,
            server_id: server.ids(&world).await[0],
            world,
            server,
            http,
            app,
            other,
            instance,
            mine,
            mate,
            theirs,
            foreign_shard,
            calendar,
            failed,
        }
    }

    /// The shard that `mine` holds, with attempt 1.
    pub(super) fn shard(&self) -> i64 {
        self.instance << 17
    }

    /// A request without a body.
    pub(super) fn request(
        &self,
        method: &Method,
        path: &str,
        caller: Caller<'_>,
    ) -> RequestBuilder {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}", self.server.url()));
        match caller {
            Caller::Nobody => request,
            Caller::Admin => request.basic_auth("admin", Some(PASSWORD)),
            Caller::Basic(name, secret) => request.basic_auth(name, Some(secret)),
            Caller::Cookie(token) => request.header("cookie", format!("antares_session={token}")),
        }
    }

    /// The caller that may make calls of `path`.
    pub(super) fn rightful(&self, path: &str) -> Caller<'_> {
        if path.starts_with("/client/") {
            Caller::Basic(&self.app.name, &self.app.secret)
        } else {
            Caller::Admin
        }
    }

    /// Every row of the namespace but for leases, as one digest a table.
    pub(super) async fn snapshot(&self) -> Vec<(String, String)> {
        let tables: Vec<String> = sqlx::query_scalar(
            "select relname from pg_class
             where relnamespace = $1::regnamespace and relkind in ('r', 'p') and not relispartition
                and relname not in ('server', 'bucket_lease', 'client_lease') order by 1",
        )
        .bind(self.world.namespace())
        .fetch_all(self.world.pool())
        .await
        .expect("tables can be listed");
        assert!(tables.len() > 12, "{tables:?}");
        let sql: Vec<String> = tables
            .iter()
            .map(|table| {
                format!("select '{table}', coalesce(md5(string_agg(t::text, e'\\n' order by t::text)), 'empty') from {table} t")
            })
            .collect();
        sqlx::query_as(sqlx::AssertSqlSafe(sql.join(" union all ")))
            .fetch_all(self.world.pool())
            .await
            .expect("tables can be read")
    }
}

/// An answer that should be a problem.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub media_type: String,
    pub body: Value,
}

/// Sends a request.
pub(super) async fn send(request: RequestBuilder) -> Answer {
    let answer = request.send().await.expect("the server answers");
    let status = answer.status();
    let media_type = answer
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let text = answer.text().await.expect("the body can be read");
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer {
        status,
        media_type,
        body,
    }
}

impl Answer {
    /// What differs from a problem of `kind`, if anything does.
    pub(super) fn differs(&self, kind: ProblemKind) -> Option<String> {
        let expected = json!({ "type": kind, "status": kind.status(), "title": kind.title() });
        let is_problem = self.media_type == PROBLEM_JSON
            && self.status.as_u16() == kind.status()
            && ["type", "status", "title"]
                .iter()
                .all(|key| self.body[key] == expected[key])
            && self.body["detail"]
                .as_str()
                .is_some_and(|detail| !detail.is_empty());
        (!is_problem).then(|| self.seen(&format!("{kind:?}")))
    }

    /// What differs from a problem of `kind` that names `field`, if anything does.
    pub(super) fn differs_at(&self, kind: ProblemKind, field: &str) -> Option<String> {
        self.differs(kind)
            .or_else(|| (self.body["field"] != field).then(|| self.seen(&format!("field {field}"))))
    }

    /// Whether it says where the fault is: by its field, or in words.
    pub(super) fn names(&self, name: &str) -> bool {
        self.body["field"].as_str() == Some(name)
            || self.body["detail"]
                .as_str()
                .is_some_and(|detail| detail.contains(name))
    }

    pub(super) fn seen(&self, expected: &str) -> String {
        let body: String = self.body.to_string().chars().take(300).collect();
        format!(
            "expected {expected}, got {} {} {body}",
            self.status, self.media_type
        )
    }
}

/// Gathers what was answered wrongly, so that one run shows all of it.
#[derive(Default)]
pub(super) struct Findings {
    wrong: Vec<String>,
    cases: usize,
}

impl Findings {
    pub(super) fn note(&mut self, case: &str, wrong: Option<String>) {
        self.cases += 1;
        if let Some(wrong) = wrong {
            self.wrong.push(format!("{case}: {wrong}"));
        }
    }

    /// Checks that nothing has changed since `before`.
    pub(super) async fn unchanged(
        &mut self,
        what: &str,
        fixture: &Fixture,
        before: &[(String, String)],
    ) {
        let changed: Vec<String> = fixture
            .snapshot()
            .await
            .into_iter()
            .filter(|table| !before.contains(table))
            .map(|(table, _)| table)
            .collect();
        let wrong = (!changed.is_empty()).then(|| format!("changed {changed:?}"));
        self.note(what, wrong);
    }

    /// Panics if anything was wrong, or if there were fewer than `least` cases.
    pub(super) fn conclude(self, least: usize) {
        let Self { wrong, cases } = self;
        assert!(cases >= least, "only {cases} cases were tried");
        assert!(
            wrong.is_empty(),
            "{} of {cases} cases:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        println!("{cases} cases");
    }
}
