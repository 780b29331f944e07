//! Hints: what wakes loops, in this replica at once and in the others through NOTIFY.
//!
//! A hint carries no state. One that is lost costs latency only, because every loop also runs on a period.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, broadcast, watch};

/// What changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts that are merged field by field"
)]
pub struct Hint {
    /// Lowest instance that has new shards to hand out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<i64>,
    /// Schedules changed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub jobs: bool,
    /// Definitions changed, and with them perhaps who may run what is to be handed out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub definitions: bool,
    /// Instances began, moved on or ended.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub instances: bool,
    /// Servers joined or left, or buckets moved.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub servers: bool,
    /// Clients joined or left.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub clients: bool,
    /// A delayed shard falls due in so many milliseconds. Of interest here only.
    #[serde(skip)]
    pub due_in_ms: Option<i64>,
}

impl Hint {
    /// Shards of `instance` and later ones are ready.
    pub fn ready(instance: i64) -> Self {
        Self {
            ready: Some(instance),
            instances: true,
            ..Self::default()
        }
    }

    /// Schedules changed.
    pub fn jobs() -> Self {
        Self {
            jobs: true,
            ..Self::default()
        }
    }

    /// Definitions of jobs that are there changed.
    pub fn definitions() -> Self {
        Self {
            jobs: true,
            definitions: true,
            ..Self::default()
        }
    }

    /// Servers or buckets changed.
    pub fn servers() -> Self {
        Self {
            servers: true,
            ..Self::default()
        }
    }

    /// Clients changed.
    pub fn clients() -> Self {
        Self {
            clients: true,
            ..Self::default()
        }
    }

    /// Instances changed.
    pub fn instances() -> Self {
        Self {
            instances: true,
            ..Self::default()
        }
    }

    fn merge(&mut self, other: &Self) {
        self.ready = match (self.ready, other.ready) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.jobs |= other.jobs;
        self.definitions |= other.definitions;
        self.instances |= other.instances;
        self.servers |= other.servers;
        self.clients |= other.clients;
    }

    /// Whether another replica has work to do because of it; the rest is for people watching.
    fn is_urgent(&self) -> bool {
        self.ready.is_some() || self.jobs || self.servers
    }
}

/// Where hints go.
#[derive(Debug)]
pub struct Hints {
    /// Wakes the firer.
    pub firer: Notify,
    /// Wakes membership.
    pub membership: Notify,
    /// Wakes the stager, which asks [`Hints::next_due`] how long it may sleep.
    pub stager: Notify,
    /// Wakes the starter.
    pub starter: Notify,
    /// Has the sweeper look thoroughly: a server that died may have made shards ready and not told of them.
    pub sweeper: Notify,
    /// Whether anything may start, follow or be dated when an instance ends.
    follows: AtomicBool,
    /// Apps with a limit of running shards, as the last look found; nothing before the first.
    limited_apps: Mutex<Option<Arc<[i64]>>>,
    /// To browsers.
    pub events: broadcast::Sender<Hint>,
    ready: Mutex<Option<i64>>,
    definitions: AtomicBool,
    has_ready: Notify,
    backstop: watch::Sender<i64>,
    next_due: Mutex<Option<tokio::time::Instant>>,
    outgoing: Mutex<Hint>,
    has_outgoing: Notify,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            firer: Notify::new(),
            membership: Notify::new(),
            stager: Notify::new(),
            starter: Notify::new(),
            sweeper: Notify::new(),
            follows: AtomicBool::new(true),
            limited_apps: Mutex::default(),
            events: broadcast::channel(64).0,
            ready: Mutex::default(),
            definitions: AtomicBool::new(false),
            has_ready: Notify::new(),
            backstop: watch::Sender::new(0),
            next_due: Mutex::default(),
            outgoing: Mutex::default(),
            has_outgoing: Notify::new(),
        }
    }
}

impl Hints {
    /// Something changed through this replica.
    pub fn send(&self, hint: &Hint) {
        self.receive(hint);
        self.tell(hint);
    }

    /// As [`Hints::send`], of shards that the claimer of this replica has been told of.
    pub fn send_to_others(&self, hint: &Hint) {
        self.receive(&Hint {
            ready: None,
            ..hint.clone()
        });
        self.tell(hint);
    }

    /// The sweeper saw shards to hand out, which no hint may have told of; none of an instance below `from`.
    pub fn send_backstop(&self, from: i64) {
        self.backstop.send_replace(from);
    }

    /// For the claimer: what [`Hints::send_backstop`] is told.
    pub fn backstop(&self) -> watch::Receiver<i64> {
        self.backstop.subscribe()
    }

    /// Which apps have a limit of running shards.
    pub fn set_limited_apps(&self, apps: Vec<i64>) {
        let mut known = self.limited_apps.lock().expect("no holder panics");
        if known.as_deref() != Some(&*apps) {
            *known = Some(apps.into());
        }
    }

    /// An app may have such a limit from now on.
    pub fn limit_app(&self, app: i64) {
        let mut known = self.limited_apps.lock().expect("no holder panics");
        if let Some(apps) = known.as_ref().filter(|apps| !apps.contains(&app)) {
            *known = Some(apps.iter().copied().chain([app]).collect());
        }
    }

    /// What [`Hints::set_limited_apps`] was told.
    pub fn limited_apps(&self) -> Option<Arc<[i64]>> {
        self.limited_apps.lock().expect("no holder panics").clone()
    }

    /// Whether the end of an instance may have a consequence, as the last look found.
    pub fn set_follows(&self, follows: bool) {
        self.follows.store(follows, Ordering::Relaxed);
    }

    /// Instances may have ended.
    pub fn ended(&self) {
        if self.follows.load(Ordering::Relaxed) {
            self.starter.notify_one();
        }
    }

    /// An instance was queued.
    pub fn queued(&self) {
        self.set_follows(true);
        self.starter.notify_one();
    }

    /// Has `hint` told to the others, or told once more if that failed.
    pub fn tell(&self, hint: &Hint) {
        self.outgoing.lock().expect("no holder panics").merge(hint);
        self.has_outgoing.notify_one();
    }

    /// Something changed through another replica.
    pub fn receive(&self, hint: &Hint) {
        if let Some(from) = hint.ready {
            let mut lowest = self.ready.lock().expect("no holder panics");
            *lowest = Some(lowest.map_or(from, |lowest| lowest.min(from)));
            self.has_ready.notify_one();
        }
        if hint.definitions {
            self.definitions.store(true, Ordering::Release);
            self.has_ready.notify_one();
        }
        if let Some(ms) = hint.due_in_ms {
            let due = tokio::time::Instant::now() + Duration::from_millis(ms as u64);
            let mut next = self.next_due.lock().expect("no holder panics");
            *next = Some(next.map_or(due, |next| next.min(due)));
            self.stager.notify_one();
        }
        if hint.jobs {
            self.firer.notify_one();
        }
        if hint.servers {
            self.membership.notify_one();
            self.sweeper.notify_one();
        }
        // Nobody may be watching.
        let _ = self.events.send(hint.clone());
    }

    /// Waits for new shards. Only the claimer does, which takes the instance with [`Hints::take_ready`].
    pub async fn ready(&self) {
        self.has_ready.notified().await;
    }

    /// The lowest instance with new shards since the last call.
    pub fn take_ready(&self) -> Option<i64> {
        self.ready.lock().expect("no holder panics").take()
    }

    /// For the claimer: whether definitions have changed since the last call.
    pub fn take_definitions(&self) -> bool {
        self.definitions.swap(false, Ordering::Acquire)
    }

    /// How long until a delayed shard falls due, as far as this replica knows; forgets times that passed.
    pub fn next_due(&self) -> Option<Duration> {
        let mut next = self.next_due.lock().expect("no holder panics");
        let now = tokio::time::Instant::now();
        let wait = next.map(|next| next.saturating_duration_since(now));
        if wait.is_some_and(|wait| wait.is_zero()) {
            *next = None;
        }
        wait
    }

    /// Waits for something to tell the others: at once if they have work because of it, otherwise after
    /// half a second in which more may gather.
    pub async fn outgoing(&self) -> Hint {
        loop {
            self.has_outgoing.notified().await;
            let urgent = self.outgoing.lock().expect("no holder panics").is_urgent();
            if !urgent {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(500)) => {}
                    () = self.has_outgoing.notified() => {
                        if !self.outgoing.lock().expect("no holder panics").is_urgent() {
                            tokio::time::sleep(Duration::from_millis(250)).await;
                        }
                    }
                }
            }
            let hint = std::mem::take(&mut *self.outgoing.lock().expect("no holder panics"));
            if hint != Hint::default() {
                return hint;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_hint_that_was_taken_does_not_wake_again() {
        let hints = Hints::default();
        assert!(hints.ready().now_or_never().is_none());
        hints.receive(&Hint::ready(7));
        hints.receive(&Hint::ready(5));
        hints.ready().await;
        assert_eq!(hints.take_ready(), Some(5));
        assert_eq!(hints.take_ready(), None);
        assert!(hints.ready().now_or_never().is_none());
    }

    #[test]
    fn an_app_is_limited_from_when_that_is_said_until_a_look_says_otherwise() {
        let hints = Hints::default();
        // Before the first look any may be.
        hints.limit_app(7);
        assert_eq!(hints.limited_apps(), None);
        hints.set_limited_apps(vec![1]);
        hints.limit_app(7);
        hints.limit_app(7);
        assert_eq!(hints.limited_apps().as_deref(), Some(&[1, 7][..]));
        hints.set_limited_apps(vec![1]);
        assert_eq!(hints.limited_apps().as_deref(), Some(&[1][..]));
    }

    #[tokio::test]
    async fn when_servers_change_the_sweeper_looks_for_what_they_left_untold() {
        let hints = Hints::default();
        hints.receive(&Hint::jobs());
        assert!(hints.sweeper.notified().now_or_never().is_none());
        hints.receive(&Hint::servers());
        hints.sweeper.notified().await;
    }

    #[tokio::test]
    async fn what_could_not_be_told_is_told_with_what_came_since() {
        let hints = Hints::default();
        hints.tell(&Hint::ready(7));
        let lost = hints.outgoing().await;
        hints.tell(&Hint::ready(9));
        hints.tell(&lost);
        assert_eq!(hints.outgoing().await, Hint::ready(7));
    }
}
