//! A stand-in for a server: hands out the shards it is given, writes down all it is told, and fails on
//! demand.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use antares_client::protocol::client::{
    Cancel, Claim, Claimed, ClaimedShard, LogLine, RegisterClient, Registered, Renew, Renewed,
    Report, ReportStatus, Reported, ReportedShard, Running, ShardLogs, ShardResult,
};
use antares_client::protocol::job::JobKind;
use antares_client::protocol::problem::{Problem, ProblemKind};
use antares_client::protocol::shard::Trigger;
use antares_client::{Client, ClientBuilder};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use uuid::Uuid;

/// Longest time a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The outcome of something that must not take long.
pub(crate) async fn soon<F: Future>(something: F) -> F::Output {
    tokio::time::timeout(PATIENCE, something)
        .await
        .expect("it did not take so long")
}

/// One call, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Call {
    Register,
    Renew { running: usize },
    Claim { max: u32, results: usize },
    Report { results: usize },
    Logs { lines: usize },
    Leave,
}

/// What the stand-in knows, and how it is to behave.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) ready: VecDeque<ClaimedShard>,
    /// All calls that were answered, refusals included.
    pub(crate) calls: Vec<Call>,
    pub(crate) registered: Vec<(Uuid, RegisterClient)>,
    /// Clients whose lease has ended.
    pub(crate) gone: Vec<Uuid>,
    pub(crate) left: Vec<Uuid>,
    pub(crate) results: Vec<ShardResult>,
    pub(crate) lines: Vec<LogLine>,
    pub(crate) running: Vec<Running>,
    /// What renewals said of shards, in order.
    pub(crate) said: Vec<Running>,
    /// To tell the next renewal.
    pub(crate) cancel: Vec<Cancel>,
    pub(crate) lease_ms: u64,
    /// How much longer the lease of a client is that runs nothing.
    pub(crate) idle_times: u64,
    /// Renewals with news of shards are at fault.
    pub(crate) refuse_news: bool,
    /// How many there were.
    pub(crate) refused_news: usize,
    /// Renewals get no service.
    pub(crate) refuse_renewals: bool,
    /// Reports of this shard are called stale.
    pub(crate) stale: Option<i64>,
    /// Reports that hold this shard are refused as invalid.
    pub(crate) poison: Option<i64>,
    /// Calls with results are not answered while this stands.
    pub(crate) hold_results: bool,
    /// So many registrations are refused for a wrong secret.
    pub(crate) wrong_secrets: u32,
}

impl Book {
    pub(crate) fn result(&self, shard_id: i64) -> Option<&ShardResult> {
        self.results
            .iter()
            .find(|result| result.shard_id == shard_id)
    }

    pub(crate) fn count(&self, matches: impl Fn(&Call) -> bool) -> usize {
        self.calls.iter().filter(|call| matches(call)).count()
    }
}

#[derive(Clone)]
pub(crate) struct StandIn {
    pub(crate) book: Arc<Mutex<Book>>,
    changed: Arc<watch::Sender<u64>>,
    address: SocketAddr,
    /// Never dropped while it serves, because its router holds it too.
    runtime: Arc<Mutex<Option<Runtime>>>,
}

impl StandIn {
    /// Serves on a free port, with a lease long enough for any test.
    pub(crate) fn start() -> Self {
        let this = Self::reserved();
        this.serve();
        this
    }

    /// Has an address, and does not serve there yet.
    pub(crate) fn reserved() -> Self {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self {
            book: Arc::new(Mutex::new(Book {
                lease_ms: 30_000,
                idle_times: 1,
                ..Book::default()
            })),
            changed: Arc::new(watch::Sender::new(0)),
            address: listener.local_addr().unwrap(),
            runtime: Arc::default(),
        }
    }

    /// A second address with the same book behind it, as a second replica.
    pub(crate) fn replica(&self) -> Self {
        Self {
            book: Arc::clone(&self.book),
            changed: Arc::clone(&self.changed),
            ..Self::reserved()
        }
    }

    pub(crate) fn serve(&self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = {
            let _inside = runtime.enter();
            self.listen()
        };
        let router = Router::new()
            .route("/client/v1/clients", post(register))
            .route("/client/v1/clients/{id}", delete(leave))
            .route("/client/v1/clients/{id}/renew", post(renew))
            .route("/client/v1/clients/{id}/claim", post(claim))
            .route("/client/v1/clients/{id}/report", post(report))
            .route("/client/v1/clients/{id}/logs", post(logs))
            .with_state(self.clone());
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        *self.runtime.lock().unwrap() = Some(runtime);
    }

    fn listen(&self) -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        socket.listen(64).unwrap()
    }

    /// Takes connections and breaks them, while it does not serve, until a call to `path` was among them.
    pub(crate) async fn hang_up_on(&self, path: &str) {
        let listener = self.listen();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut start = [0; 256];
            let count = connection.read(&mut start).await.unwrap_or(0);
            let start = String::from_utf8_lossy(&start[..count]);
            if start.lines().next().is_some_and(|line| line.contains(path)) {
                return;
            }
        }
    }

    /// Dies: every connection breaks.
    pub(crate) fn kill(&self) {
        let runtime = self.runtime.lock().unwrap().take().expect("it serves");
        // Blocks until the address is free, which is not allowed on a thread that runs a test.
        let end = std::thread::spawn(move || runtime.shutdown_timeout(PATIENCE));
        end.join().unwrap();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder("shop", "secret").server(self.url())
    }

    /// Changes the book, and wakes whoever waits.
    pub(crate) fn edit<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        let value = change(&mut self.book.lock().unwrap());
        self.changed.send_modify(|version| *version += 1);
        value
    }

    pub(crate) fn add(&self, shards: impl IntoIterator<Item = ClaimedShard>) {
        self.edit(|book| book.ready.extend(shards));
    }

    /// Waits until `find` finds something in the book.
    pub(crate) async fn until<T>(&self, what: &str, find: impl Fn(&Book) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let search = async {
            loop {
                if let Some(found) = find(&self.book.lock().unwrap()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await.ok();
        found.unwrap_or_else(|| panic!("{what} did not happen: {:?}", self.book.lock().unwrap()))
    }

    pub(crate) async fn result_of(&self, shard_id: i64) -> ShardResult {
        let what = format!("a result of shard {shard_id}");
        self.until(&what, |book| book.result(shard_id).cloned())
            .await
    }
}

/// A shard for `handler` that has no parameters.
pub(crate) fn shard(shard_id: i64, handler: &str) -> ClaimedShard {
    ClaimedShard {
        shard_id,
        attempt: 1,
        instance_id: 7,
        job: format!("{handler} job"),
        handler: handler.to_owned(),
        kind: JobKind::Handler,
        item: 0,
        param: Value::Null,
        total: 1,
        job_param: Value::Null,
        trigger: Trigger::Schedule,
        scheduled_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        fired_at: "2026-01-02T03:04:06Z".parse().unwrap(),
        timeout_ms: 0,
        script: None,
        checkpoint: None,
    }
}

type Answer<T> = Result<Json<T>, Refusal>;

struct Refusal(ProblemKind);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status()).unwrap();
        let problem = Problem::new(self.0, "as the test wants it");
        (status, Json(problem)).into_response()
    }
}

/// Notes the call, and refuses clients that are gone.
fn note(server: &StandIn, id: Uuid, call: Call) -> Result<(), Refusal> {
    let is_gone = server.edit(|book| {
        book.calls.push(call);
        book.gone.contains(&id)
    });
    if is_gone {
        return Err(Refusal(ProblemKind::ClientGone));
    }
    Ok(())
}

async fn register(
    State(server): State<StandIn>,
    headers: HeaderMap,
    Json(request): Json<RegisterClient>,
) -> Answer<Registered> {
    // "shop:secret".
    let basic = headers.get("authorization").unwrap();
    assert_eq!(basic, "Basic c2hvcDpzZWNyZXQ=");
    server.edit(|book| {
        book.calls.push(Call::Register);
        if book.wrong_secrets > 0 {
            book.wrong_secrets -= 1;
            return Err(Refusal(ProblemKind::Unauthorized));
        }
        let client_id = Uuid::from_u128(book.registered.len() as u128 + 1);
        book.registered.push((client_id, request));
        Ok(Json(Registered {
            client_id,
            lease_ms: book.lease_ms,
            renew_every_ms: (book.lease_ms / 3).min(50),
        }))
    })
}

async fn renew(
    State(server): State<StandIn>,
    Path(id): Path<Uuid>,
    Json(request): Json<Renew>,
) -> Answer<Renewed> {
    let running = request.running.len();
    note(&server, id, Call::Renew { running })?;
    server.edit(|book| {
        if book.refuse_renewals {
            return Err(Refusal(ProblemKind::Unavailable));
        }
        let is_news = |shard: &&Running| shard.checkpoint.is_some() || shard.progress.is_some();
        let news: Vec<Running> = request.running.iter().filter(is_news).cloned().collect();
        if book.refuse_news && !news.is_empty() {
            book.refused_news += 1;
            return Err(Refusal(ProblemKind::InvalidField));
        }
        book.said.extend(news);
        book.running = request.running;
        let times = if book.running.is_empty() {
            book.idle_times
        } else {
            1
        };
        Ok(Json(Renewed {
            lease_ms: book.lease_ms * times,
            renew_every_ms: (book.lease_ms / 3).min(50) * times,
            cancel: std::mem::take(&mut book.cancel),
        }))
    })
}

async fn claim(
    State(server): State<StandIn>,
    Path(id): Path<Uuid>,
    Json(request): Json<Claim>,
) -> Answer<Claimed> {
    let received = Instant::now();
    let (max, results) = (request.max, request.results.len());
    note(&server, id, Call::Claim { max, results })?;
    let mut changed = server.changed.subscribe();
    let results = take_results(&server, request.results).await?;
    let take = || {
        server.edit(|book| {
            let count = book.ready.len().min(max as usize);
            book.ready.drain(..count).collect::<Vec<_>>()
        })
    };
    let mut shards = take();
    if results.is_empty() && shards.is_empty() {
        let wait = Duration::from_millis(request.wait_ms);
        let is_ready = |_: &u64| !server.book.lock().unwrap().ready.is_empty();
        let _ = tokio::time::timeout(wait, changed.wait_for(is_ready)).await;
        shards = take();
    }
    let waited_ms = received.elapsed().as_millis() as u64;
    Ok(Json(Claimed {
        shards,
        waited_ms,
        lease_ms: server.edit(|book| book.lease_ms),
        results,
    }))
}

async fn report(
    State(server): State<StandIn>,
    Path(id): Path<Uuid>,
    Json(request): Json<Report>,
) -> Answer<Reported> {
    let results = request.results.len();
    note(&server, id, Call::Report { results })?;
    let results = take_results(&server, request.results).await?;
    Ok(Json(Reported { results }))
}

async fn take_results(
    server: &StandIn,
    results: Vec<ShardResult>,
) -> Result<Vec<ReportedShard>, Refusal> {
    if !results.is_empty() {
        let mut changed = server.changed.subscribe();
        let is_free = |_: &u64| !server.book.lock().unwrap().hold_results;
        changed.wait_for(is_free).await.unwrap();
    }
    server.edit(|book| {
        if results
            .iter()
            .any(|result| Some(result.shard_id) == book.poison)
        {
            return Err(Refusal(ProblemKind::InvalidField));
        }
        Ok(results
            .into_iter()
            .map(|result| {
                let (shard_id, attempt) = (result.shard_id, result.attempt);
                let status = if book.stale == Some(shard_id) {
                    ReportStatus::Stale
                } else {
                    book.results.push(result);
                    ReportStatus::Accepted
                };
                ReportedShard {
                    shard_id,
                    attempt,
                    status,
                }
            })
            .collect())
    })
}

async fn logs(
    State(server): State<StandIn>,
    Path(id): Path<Uuid>,
    Json(request): Json<ShardLogs>,
) -> Result<StatusCode, Refusal> {
    let lines = request.lines.len();
    note(&server, id, Call::Logs { lines })?;
    server.edit(|book| book.lines.extend(request.lines));
    Ok(StatusCode::NO_CONTENT)
}

async fn leave(State(server): State<StandIn>, Path(id): Path<Uuid>) -> Result<StatusCode, Refusal> {
    note(&server, id, Call::Leave)?;
    server.edit(|book| book.left.push(id));
    Ok(StatusCode::NO_CONTENT)
}
