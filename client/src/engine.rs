//! The engine: registers, keeps the lease, claims, runs and reports, until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use antares_protocol::client::RegisterClient;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::api::{ApiError, ClientApi};
use crate::backoff::Backoff;
use crate::builder::Config;
use crate::context::CancelReason;
use crate::log::LogBuffer;
use crate::outcome::chain;

use self::exchange::{End, Exchange};
use self::table::Table;

mod exchange;
mod lease;
mod logs;
mod shard;
mod table;

/// How long the last words of a client may take: its logs, and leaving.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What outlives a registration.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) api: ClientApi,
    pub(crate) logs: Arc<LogBuffer>,
    /// Where handlers run.
    handlers: Handle,
    /// Slots that neither a handler nor a claim under way holds.
    free: AtomicUsize,
    /// Handlers under way, those included that were cancelled and go on.
    running: AtomicUsize,
    /// Wakes the exchange: a handler is done, or a slot is free.
    wake: Notify,
    /// Stop when what runs is done.
    pub(crate) drain: CancellationToken,
    /// Stop now.
    pub(crate) halt: CancellationToken,
    pub(crate) client_id: watch::Sender<Option<Uuid>>,
}

impl Shared {
    pub(crate) fn new(config: Config, api: ClientApi, handlers: Handle) -> Self {
        Self {
            free: AtomicUsize::new(config.slots as usize),
            config,
            api,
            logs: Arc::new(LogBuffer::new()),
            handlers,
            running: AtomicUsize::new(0),
            wake: Notify::new(),
            drain: CancellationToken::new(),
            halt: CancellationToken::new(),
            client_id: watch::Sender::new(None),
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Takes up to `max` free slots.
    fn reserve(&self, max: usize) -> usize {
        let mut taken = 0;
        let _ = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
                taken = free.min(max);
                Some(free - taken)
            });
        taken
    }

    /// Gives slots back.
    fn release(&self, slots: usize) {
        let all = self.config.slots as usize;
        let _ = self
            .free
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
                // A server that hands out more than was asked for must not make slots out of nothing.
                Some((free + slots).min(all))
            });
    }

    fn is_stopping(&self) -> bool {
        self.drain.is_cancelled() || self.halt.is_cancelled()
    }

    /// Resolves when the client is to stop, one way or the other.
    async fn stopping(&self) {
        tokio::select! {
            () = self.drain.cancelled() => {}
            () = self.halt.cancelled() => {}
        }
    }

    /// Waits until no handler is under way, or for `limit`.
    async fn handlers_ended(&self, limit: Duration) {
        let ended = async {
            while self.running() > 0 {
                self.wake.notified().await;
            }
        };
        let _ = timeout(limit, ended).await;
    }
}

/// Runs the client to its end.
pub(crate) async fn run(shared: &Arc<Shared>) {
    let request = introduce(shared).await;
    let mut backoff = Backoff::new(1);
    let mut logs = Logs::start(shared);
    while !shared.is_stopping() {
        let Some(session) = register(shared, &request).await else {
            break;
        };
        shared.client_id.send_replace(Some(session.client_id));
        let started = Instant::now();
        let end = serve(shared, &session, &mut logs).await;
        shared.client_id.send_replace(None);
        if end != End::Lost {
            break;
        }
        if shared.is_stopping() {
            shared.handlers_ended(shared.config.cancel_grace).await;
            break;
        }
        // A server that takes registrations and forgets them is not to be asked in a tight loop.
        if started.elapsed() > Duration::from_secs(10) {
            backoff.reset();
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.failed()) => {}
            () = shared.stopping() => {}
        }
    }
    logs.task.abort();
}

/// The task that sends log lines.
struct Logs {
    task: JoinHandle<()>,
    flush: CancellationToken,
}

impl Logs {
    fn start(shared: &Arc<Shared>) -> Self {
        let flush = CancellationToken::new();
        Self {
            task: tokio::spawn(logs::ship(Arc::clone(shared), flush.clone())),
            flush,
        }
    }

    /// Sends what is left, if it does not take too long.
    async fn flush(&mut self) {
        self.flush.cancel();
        let _ = timeout(LAST_WORDS, &mut self.task).await;
    }
}

/// One registration.
struct Session {
    client_id: Uuid,
    renew_every: Duration,
    lease: Duration,
    /// When the request was sent that the lease counts from.
    sent: Instant,
}

/// Serves until the lease is lost or the client is done, and then leaves.
async fn serve(shared: &Arc<Shared>, session: &Session, logs: &mut Logs) -> End {
    let table = Arc::new(Table::new(shared.config.cancel_grace));
    let ended = CancellationToken::new();
    let trust = Arc::new(lease::Trust::new(session.sent, session.lease));
    let mut lease = tokio::spawn(lease::keep(
        Arc::clone(shared),
        Arc::clone(&table),
        lease::Lease {
            client_id: session.client_id,
            renew_every: session.renew_every,
            trust: Arc::clone(&trust),
            ended: ended.clone(),
        },
    ));
    let end = Exchange::new(shared, &table, &trust, session.client_id)
        .run()
        .await;
    match end {
        End::Lost => {
            tracing::warn!(client_id = %session.client_id, "the lease is lost: running handlers are cancelled");
        }
        End::Halted => {
            table.cancel_all(CancelReason::Shutdown);
            shared.handlers_ended(Duration::from_secs(1)).await;
            leave(shared, session.client_id).await;
        }
        End::Drained => {
            logs.flush().await;
            // A renewal under way would come to a client that has left.
            ended.cancel();
            let _ = timeout(LAST_WORDS, &mut lease).await;
            leave(shared, session.client_id).await;
        }
    }
    lease.abort();
    end
}

/// What this process says about itself.
async fn introduce(shared: &Shared) -> RegisterClient {
    let config = &shared.config;
    let mut handlers: Vec<String> = config.handlers.keys().cloned().collect();
    handlers.sort_unstable();
    RegisterClient {
        host: rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned(),
        ip: own_address(&shared.api).await.unwrap_or_default(),
        pid: std::process::id(),
        sdk: "rust".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        handlers,
        labels: config.labels.clone(),
        slots: config.slots,
        clock: None,
    }
}

/// The address that packets to the server leave from. Connecting a UDP socket sends none.
async fn own_address(api: &ClientApi) -> Option<String> {
    let server = api.current_server();
    let host = server.host_str()?.trim_matches(['[', ']']);
    let port = server.port_or_known_default()?;
    let look_up = async {
        let server = tokio::net::lookup_host((host, port)).await.ok()?.next()?;
        let any = if server.is_ipv6() {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        let socket = tokio::net::UdpSocket::bind(any).await.ok()?;
        socket.connect(server).await.ok()?;
        Some(socket.local_addr().ok()?.ip().to_string())
    };
    timeout(Duration::from_secs(1), look_up).await.ok()?
}

/// Registers, however long it takes. `None` if the client is stopped first.
async fn register(shared: &Shared, request: &RegisterClient) -> Option<Session> {
    let mut backoff = Backoff::new(shared.api.servers().len());
    loop {
        let sent = Instant::now();
        let request = RegisterClient {
            clock: Some(crate::wall::now()),
            ..request.clone()
        };
        let answer = tokio::select! {
            answer = shared.api.register(&request) => answer,
            () = shared.stopping() => return None,
        };
        let delay = match answer {
            Ok(registered) => {
                tracing::info!(
                    client_id = %registered.client_id,
                    app = &*shared.config.app,
                    server = %shared.api.current_server(),
                    handlers = ?request.handlers,
                    "registered"
                );
                return Some(Session {
                    client_id: registered.client_id,
                    renew_every: Duration::from_millis(registered.renew_every_ms.max(1)),
                    lease: Duration::from_millis(registered.lease_ms),
                    sent,
                });
            }
            Err(error) => after_failure(shared, &mut backoff, "register", &error),
        };
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = shared.stopping() => return None,
        }
    }
}

/// Logs a failed call, and says how long to wait before the next.
fn after_failure(
    shared: &Shared,
    backoff: &mut Backoff,
    call: &'static str,
    error: &ApiError,
) -> Duration {
    let text = chain(error);
    if error.is_unauthorized() {
        let delay = backoff.refused();
        tracing::error!(
            call,
            app = &*shared.config.app,
            error = text,
            retry_in_ms = delay.as_millis(),
            "the server refuses this app's name or secret"
        );
        delay
    } else if error.is_refusal() {
        let delay = backoff.refused();
        tracing::error!(
            call,
            error = text,
            retry_in_ms = delay.as_millis(),
            "the server refuses the request"
        );
        delay
    } else {
        let delay = backoff.failed();
        // An outage may last; its first failures tell all there is to tell.
        if backoff.is_worth_logging() {
            tracing::warn!(
                call,
                error = text,
                retry_in_ms = delay.as_millis(),
                "the call failed, trying again"
            );
        }
        delay
    }
}

async fn leave(shared: &Shared, client_id: Uuid) {
    let leave = async {
        let mut backoff = Backoff::new(shared.api.servers().len());
        while let Err(error) = shared.api.leave(client_id).await {
            if error.is_client_gone() {
                return;
            }
            tokio::time::sleep(backoff.failed()).await;
        }
    };
    if timeout(LAST_WORDS, leave).await.is_ok() {
        tracing::info!(%client_id, "left");
    } else {
        tracing::warn!(%client_id, "could not say goodbye; what is left goes to others when the lease ends");
    }
}
