//! One stream of server-sent events, telling which lists have changed.
//!
//! The events carry nothing: whoever shows a list asks for it again. A lost stream is opened anew with
//! growing pauses, and everything counts as changed then. While the page is hidden there is no stream:
//! a browser has six connections per server, and an operator has more tabs than that.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_use_document_visibility::use_document_visibility;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventSource, VisibilityState};

use super::auth::{self, Auth};
use super::clock;
use crate::api;

/// What can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    /// Jobs, their states and next fires.
    Jobs,
    /// Instances and their progress.
    Instances,
    /// Replicas and what they own.
    Servers,
    /// Clients and what they run.
    Clients,
}

const TOPICS: [(Topic, &str); 4] = [
    (Topic::Jobs, "jobs"),
    (Topic::Instances, "instances"),
    (Topic::Servers, "servers"),
    (Topic::Clients, "clients"),
];

/// How the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connection {
    /// Being opened for the first time.
    Opening,
    /// Open.
    Live,
    /// Lost at this time, and being opened again.
    Lost(DateTime<Utc>),
}

/// The stream, as pages see it.
#[derive(Clone, Copy)]
pub(crate) struct Live {
    connection: RwSignal<Connection>,
    changes: [RwSignal<u32>; TOPICS.len()],
}

impl Live {
    /// How the stream is.
    pub(crate) fn connection(self) -> Connection {
        self.connection.get()
    }

    /// Follows `topic`: what reads this runs again when the topic changes.
    pub(crate) fn track(self, topic: Topic) {
        self.changes[topic as usize].track();
    }

    /// Lets everything that follows `topic` look again.
    pub(crate) fn changed(self, topic: Topic) {
        // Who has logged out follows nothing any more.
        let _ =
            self.changes[topic as usize].try_update(|changes| *changes = changes.wrapping_add(1));
    }

    fn lost(self) {
        if !matches!(self.connection.get_untracked(), Connection::Lost(_)) {
            self.connection.set(Connection::Lost(clock::now()));
        }
    }
}

/// Provides the stream for as long as the owner lives.
pub(crate) fn provide() {
    let live = Live {
        connection: RwSignal::new(Connection::Opening),
        changes: TOPICS.map(|_| RwSignal::new(0)),
    };
    provide_context(live);
    let stream = Rc::new(Stream {
        live,
        auth: auth::use_auth(),
        source: RefCell::default(),
        failures: RefCell::default(),
    });
    let visibility = use_document_visibility();
    let stream = StoredValue::new_local(stream);
    Effect::new(move || {
        let stream = stream.get_value();
        if visibility.get() == VisibilityState::Hidden {
            stream.close();
        } else {
            stream.open();
        }
    });
    on_cleanup(move || {
        if let Some(stream) = stream.try_get_value() {
            stream.close();
        }
    });
}

/// The stream.
pub(crate) fn use_live() -> Live {
    expect_context()
}

/// Opens the source, and opens it again when it breaks.
struct Stream {
    live: Live,
    auth: Auth,
    source: RefCell<Option<Source>>,
    failures: RefCell<u32>,
}

impl Stream {
    fn open(self: &Rc<Self>) {
        self.close();
        match Source::new(self) {
            Some(source) => *self.source.borrow_mut() = Some(source),
            None => self.broken(),
        }
    }

    fn close(&self) {
        self.source.take();
    }

    /// Everything may have changed before the stream stood.
    fn opened(&self) {
        *self.failures.borrow_mut() = 0;
        self.live.connection.set(Connection::Live);
        for (topic, _) in TOPICS {
            self.live.changed(topic);
        }
    }

    fn broken(self: &Rc<Self>) {
        self.live.lost();
        let failures = self.failures.replace_with(|failures| *failures + 1);
        // Spread out, so that the tabs of a whole team do not meet a restarted server at once.
        let jitter = js_sys::Math::random() * 500.0;
        let pause = Duration::from_millis((500_u64 << failures.min(4)) + jitter as u64);
        let stream = Rc::downgrade(self);
        spawn_local(async move {
            sleep(pause).await;
            // Whether the page was left or hidden meanwhile: then the source is gone.
            let Some(stream) = stream
                .upgrade()
                .filter(|stream| stream.source.borrow().is_some())
            else {
                return;
            };
            // A stream that is refused does not say why; this does, and sends the viewer to the login page.
            stream.auth.check().await;
            if stream.auth.is_user_untracked() && stream.source.borrow().is_some() {
                stream.open();
            }
        });
    }
}

type Reaction = Box<dyn Fn(&Rc<Stream>)>;

/// An open `EventSource` with its listeners.
struct Source {
    source: EventSource,
    _listeners: Vec<Closure<dyn FnMut()>>,
}

impl Source {
    fn new(stream: &Rc<Stream>) -> Option<Self> {
        let source = EventSource::new(api::EVENTS).ok()?;
        let mut listeners = Vec::new();
        let mut listen = |event: &str, act: Reaction| {
            let stream = Rc::downgrade(stream);
            let listener = Closure::new(move || {
                if let Some(stream) = stream.upgrade() {
                    act(&stream);
                }
            });
            // Fails for a listener that is no function only.
            let _ =
                source.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
            listeners.push(listener);
        };
        for (topic, name) in TOPICS {
            listen(name, Box::new(move |stream| stream.live.changed(topic)));
        }
        listen("open", Box::new(|stream| stream.opened()));
        let closing = source.clone();
        listen(
            "error",
            Box::new(move |stream| {
                // The browser's own retries give up for good on some errors, and never say so.
                closing.close();
                stream.broken();
            }),
        );
        Some(Self {
            source,
            _listeners: listeners,
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.source.close();
    }
}
