//! The client: starting it, watching it and stopping it.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use uuid::Uuid;

use crate::ClientBuilder;
use crate::api::ClientApi;
use crate::builder::Config;
use crate::engine::{self, Shared};

/// A process of an app that runs shards. Set up with [`Client::builder`].
///
/// Handlers run on the tokio runtime that starts the client. The client's own work (leases, claims,
/// reports) is on a thread of its own, so that a handler which blocks cannot cost it its lease.
#[must_use = "a client does nothing until run"]
pub struct Client {
    config: Config,
    api: ClientApi,
}

impl Client {
    /// Starts the set-up of a client of `app`.
    pub fn builder(app: impl Into<String>, secret: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(app.into(), secret.into())
    }

    pub(crate) fn new(config: Config, api: ClientApi) -> Self {
        Self { config, api }
    }

    /// Runs until Ctrl-C or SIGTERM, then drains: no more claims, running handlers get the drain timeout
    /// to end, and what is left goes back to the server. A second signal stops at once. Never gives up
    /// by itself, whatever happens to the servers.
    pub async fn run(self) {
        let mut interrupt = listen(SignalKind::interrupt());
        let mut terminate = listen(SignalKind::terminate());
        let handle = self.spawn();
        tokio::select! {
            () = received(&mut interrupt) => {}
            () = received(&mut terminate) => {}
            () = handle.stopped() => return,
        }
        tracing::info!("draining; a second signal stops at once");
        handle.begin_shutdown();
        tokio::select! {
            () = received(&mut interrupt) => {}
            () = received(&mut terminate) => {}
            () = handle.stopped() => return,
        }
        tracing::warn!("second signal, stopping at once");
        handle.abort();
        handle.stopped().await;
    }

    /// Runs until `stop` resolves, then drains.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let handle = self.spawn();
        tokio::select! {
            () = stop => handle.begin_shutdown(),
            () = handle.stopped() => {}
        }
        handle.stopped().await;
    }

    /// Starts the client in the background. Needs a tokio runtime with time and I/O enabled around it;
    /// handlers run there.
    pub fn spawn(self) -> ClientHandle {
        let shared = Arc::new(Shared::new(
            self.config,
            self.api,
            tokio::runtime::Handle::current(),
        ));
        let (running, stopped) = watch::channel(());
        let engine = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("antares-client".to_owned())
            .spawn(move || {
                let _running = running;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("the client's runtime starts");
                runtime.block_on(engine::run(&engine));
                // A name lookup may still block one of its threads.
                runtime.shutdown_background();
            })
            .expect("the client's thread starts");
        ClientHandle { shared, stopped }
    }
}

/// A client that runs in the background. Dropping it stops the client at once, as [`ClientHandle::abort`]
/// does.
#[must_use = "dropping the handle stops the client"]
pub struct ClientHandle {
    shared: Arc<Shared>,
    stopped: watch::Receiver<()>,
}

impl ClientHandle {
    /// The id under which the servers know this client now; `None` while it is not registered. It
    /// changes when the lease is lost.
    pub fn client_id(&self) -> Option<Uuid> {
        *self.shared.client_id.borrow()
    }

    /// Waits until the client is registered. Never returns if it has been stopped before that.
    pub async fn registered(&self) -> Uuid {
        let mut ids = self.shared.client_id.subscribe();
        let known = ids.wait_for(Option::is_some).await.map(|id| *id);
        match known {
            Ok(Some(client_id)) => client_id,
            _ => std::future::pending().await,
        }
    }

    /// How many handlers are running.
    pub fn running(&self) -> usize {
        self.shared.running()
    }

    /// Starts to drain, without waiting for it.
    pub fn begin_shutdown(&self) {
        self.shared.drain.cancel();
    }

    /// Drains: no more claims, running handlers get the drain timeout to end and are cancelled after it,
    /// results and logs are delivered, and what is left goes back to the server.
    pub async fn shutdown(self) {
        self.begin_shutdown();
        self.stopped().await;
    }

    /// Stops at once: handlers are cancelled and dropped, and their shards go back to the server.
    pub fn abort(&self) {
        self.shared.halt.cancel();
    }

    /// Waits until the client has stopped.
    pub async fn stopped(&self) {
        let _ = self.stopped.clone().wait_for(|()| false).await;
    }
}

impl Drop for ClientHandle {
    fn drop(&mut self) {
        self.abort();
    }
}

fn listen(kind: SignalKind) -> Option<Signal> {
    signal(kind)
        .inspect_err(|error| tracing::error!(%error, "cannot listen for signals"))
        .ok()
}

async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
