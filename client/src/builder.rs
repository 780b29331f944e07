//! Setting up a client; every mistake is named before anything runs.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use antares_protocol::job::SCRIPT_HANDLER;

use crate::Client;
use crate::api::{AddressError, ClientApi};
use crate::job::{Annotated, Handler, Job};
use crate::listener::{AnyListener, Listener, Listeners};
use crate::script::ScriptJob;

/// Most slots a client may have, as the protocol says.
const MAX_SLOTS: u32 = 10_000;
/// Slots of a client that does not say.
const DEFAULT_SLOTS: u32 = 32;

/// Sets up a [`Client`]; made by [`Client::builder`].
#[must_use]
pub struct ClientBuilder {
    app: String,
    secret: String,
    servers: Vec<String>,
    slots: u32,
    labels: BTreeMap<String, String>,
    handlers: Vec<(String, Handler)>,
    listeners: Listeners,
    allow_scripts: bool,
    drain_timeout: Duration,
    cancel_grace: Duration,
    poll_wait: Duration,
}

/// What is wrong with a client's set-up, and how to mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The app has no name.
    #[error("app: the name is empty; give the name the app has in the console")]
    EmptyApp,
    /// The app has a name that HTTP Basic cannot carry.
    #[error(
        "app: `{0}` has a colon, which HTTP Basic cannot carry; give the name the app has in the console"
    )]
    BadApp(String),
    /// There is no secret.
    #[error("secret: it is empty; give the secret the app has in the console")]
    EmptySecret,
    /// No server, or one with a bad address.
    #[error(transparent)]
    Server(#[from] AddressError),
    /// The number of slots is out of range.
    #[error("slots: {0} is not between 1 and 10000; it is how many shards run at once")]
    Slots(u32),
    /// A handler has no name.
    #[error("handler: a name is empty; give the handler name that jobs ask for")]
    EmptyHandler,
    /// Two handlers have one name.
    #[error("handler: `{0}` is registered twice; give each handler its own name")]
    DuplicateHandler(String),
    /// A handler has the name that scripts use.
    #[error(
        "handler: `{SCRIPT_HANDLER}` is kept for script jobs; use another name, or allow_scripts(true) to run those"
    )]
    ReservedHandler,
    /// There is nothing to run.
    #[error("handler: there is none; add one with handler(..), discover() or allow_scripts(true)")]
    NoHandler,
}

/// What the engine needs to know of the set-up.
pub(crate) struct Config {
    pub(crate) app: Arc<str>,
    pub(crate) slots: u32,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) handlers: HashMap<String, Handler>,
    pub(crate) listeners: Listeners,
    pub(crate) drain_timeout: Duration,
    pub(crate) cancel_grace: Duration,
    pub(crate) poll_wait: Duration,
}

impl ClientBuilder {
    pub(crate) fn new(app: String, secret: String) -> Self {
        Self {
            app,
            secret,
            servers: Vec::new(),
            slots: DEFAULT_SLOTS,
            labels: BTreeMap::new(),
            handlers: Vec::new(),
            listeners: Vec::new(),
            allow_scripts: false,
            drain_timeout: Duration::from_secs(30),
            cancel_grace: Duration::from_secs(3),
            poll_wait: Duration::from_secs(25),
        }
    }

    /// Adds a server, such as `http://10.0.0.5:22122`. With several, the client uses one, picked at
    /// random, until it fails, and then the next.
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.servers.push(address.into());
        self
    }

    /// Adds several servers.
    pub fn servers<S: Into<String>>(mut self, addresses: impl IntoIterator<Item = S>) -> Self {
        self.servers.extend(addresses.into_iter().map(Into::into));
        self
    }

    /// How many shards run at once: 1 to 10,000, by default 32.
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Adds a label, shown in the console.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Adds a handler: a type that implements [`Job`], or a function or closure from
    /// [`Context`](crate::Context) to a future.
    pub fn handler(mut self, name: impl Into<String>, job: impl Job) -> Self {
        self.handlers.push((name.into(), Arc::new(job)));
        self
    }

    /// Adds every handler of this program that carries [`#[job]`](macro@crate::job).
    pub fn discover(mut self) -> Self {
        for annotated in inventory::iter::<Annotated> {
            tracing::debug!(
                handler = annotated.name,
                module = annotated.module,
                "discovered a handler"
            );
            self.handlers
                .push((annotated.name.to_owned(), (annotated.make)()));
        }
        self
    }

    /// Adds a listener, called around every shard, in the order they were added.
    pub fn listener(mut self, listener: impl Listener) -> Self {
        let listener: Arc<dyn AnyListener> = Arc::new(listener);
        self.listeners.push(listener);
        self
    }

    /// Whether this client runs script jobs: commands that whoever may edit the app's jobs can choose.
    /// Off by default.
    pub fn allow_scripts(mut self, allow: bool) -> Self {
        self.allow_scripts = allow;
        self
    }

    /// How long a shutdown waits for running handlers before it cancels them; by default 30 s.
    pub fn drain_timeout(mut self, timeout: Duration) -> Self {
        self.drain_timeout = timeout;
        self
    }

    /// How long a cancelled handler may go on before it is dropped; by default 3 s.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// How long a claim waits at the server when there is no work: at most 60 s, by default 25 s. Lower
    /// it below the idle timeout of a load balancer on the way.
    pub fn poll_wait(mut self, wait: Duration) -> Self {
        self.poll_wait = wait.min(Duration::from_mins(1));
        self
    }

    /// Checks the set-up.
    pub fn build(self) -> Result<Client, BuildError> {
        if self.app.trim().is_empty() {
            return Err(BuildError::EmptyApp);
        }
        if self.app.contains(':') {
            return Err(BuildError::BadApp(self.app));
        }
        if self.secret.is_empty() {
            return Err(BuildError::EmptySecret);
        }
        if !(1..=MAX_SLOTS).contains(&self.slots) {
            return Err(BuildError::Slots(self.slots));
        }
        let api = ClientApi::new(&self.servers, self.app.as_str(), self.secret.as_str())?;
        let mut handlers: HashMap<String, Handler> = HashMap::new();
        for (name, handler) in self.handlers {
            if name.trim().is_empty() {
                return Err(BuildError::EmptyHandler);
            }
            if name == SCRIPT_HANDLER {
                return Err(BuildError::ReservedHandler);
            }
            if handlers.insert(name.clone(), handler).is_some() {
                return Err(BuildError::DuplicateHandler(name));
            }
        }
        if self.allow_scripts {
            let script = ScriptJob {
                // The rest of the grace is for SIGKILL and the last output.
                term_grace: Duration::from_secs(2).min(self.cancel_grace * 2 / 3),
                secret: self.secret.into(),
            };
            handlers.insert(SCRIPT_HANDLER.to_owned(), Arc::new(script));
        }
        if handlers.is_empty() {
            return Err(BuildError::NoHandler);
        }
        let config = Config {
            app: self.app.into(),
            slots: self.slots,
            labels: self.labels,
            handlers,
            listeners: self.listeners,
            drain_timeout: self.drain_timeout,
            cancel_grace: self.cancel_grace,
            poll_wait: self.poll_wait,
        };
        Ok(Client::new(config, api))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    fn builder() -> ClientBuilder {
        Client::builder("shop", "secret")
            .server("http://127.0.0.1:1")
            .handler("settle", async |_ctx: Context| {})
    }

    #[test]
    fn a_good_set_up_builds() {
        assert!(builder().slots(10_000).build().is_ok());
    }

    #[test]
    fn every_mistake_names_the_field() {
        let nothing = async |_ctx: Context| {};
        for (wrong, field) in [
            (
                Client::builder("", "secret")
                    .server("http://a")
                    .handler("h", nothing),
                "app: ",
            ),
            (
                Client::builder("a:b", "secret")
                    .server("http://a")
                    .handler("h", nothing),
                "app: ",
            ),
            (
                Client::builder("shop", "")
                    .server("http://a")
                    .handler("h", nothing),
                "secret: ",
            ),
            (
                Client::builder("shop", "secret").handler("h", nothing),
                "no server: ",
            ),
            (builder().server("a:1"), "server `a:1`: "),
            (builder().slots(0), "slots: 0 "),
            (builder().slots(10_001), "slots: 10001 "),
            (
                builder().handler("settle", nothing),
                "handler: `settle` is registered twice",
            ),
            (builder().handler(" ", nothing), "handler: a name is empty"),
            (
                builder().handler("script", nothing),
                "handler: `script` is kept",
            ),
            (
                Client::builder("shop", "secret").server("http://a"),
                "handler: there is none",
            ),
        ] {
            let error = wrong.build().err().expect("refused").to_string();
            assert!(error.starts_with(field), "{error}");
        }
    }
}
