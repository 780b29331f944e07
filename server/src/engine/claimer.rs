//! Gathers the claims of many clients into one statement, and parks those for which there is nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::board::{Board, Given, Known};
use super::driver::{self, Backoff};
use super::hint::Hint;
use super::look::Looks;
use crate::app::{App, Shared};
use crate::domain::chunk::{self, CHUNK};
use crate::pipeline::attempt::endings;
use crate::store::client::Profile;
use crate::store::{client, shard};

/// Name in logs and in `/readyz`.
const PART: &str = "claims";
/// How often parked claims are gone through: held-back clients may have ended shards at another replica, others
/// have hung up.
const TIDY: Duration = Duration::from_secs(1);
/// Instances of all apps, about, and apps that are read at a time when looking for shards.
const PAGE: usize = 1000;
const MOST_APPS: usize = 20;
/// How long an app is remembered for which nobody waits any more.
const REMEMBER: Duration = Duration::from_secs(10);

/// Why a claim has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimError {
    /// The client's lease has ended.
    Gone,
    /// The replica is stopping.
    Stopping,
}

/// What a claim gave.
#[derive(Debug, Default)]
pub struct Taken {
    pub shards: Vec<Given>,
    /// Just before the database was asked for them.
    pub asked_at: Option<Instant>,
    /// Whether the client got none of an instance because it holds as many of it as it may.
    pub held_back: bool,
}

type Answer = oneshot::Sender<Result<Taken, ClaimError>>;

struct Request {
    client: Arc<Profile>,
    max: u32,
    wait: Duration,
    answer: Answer,
}

enum Message {
    Claim(Request),
    /// These clients ended shards.
    Unblock(Vec<Uuid>),
    /// These instances are new; whether the other replicas are to be told of them.
    Offer(Vec<Known>, bool),
}

/// Handle of the claimer.
#[derive(Debug)]
pub struct Claimer {
    messages: mpsc::UnboundedSender<Message>,
    is_busy: Arc<AtomicBool>,
}

/// The receiving end, for [`run`].
pub struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    is_busy: Arc<AtomicBool>,
}

impl Claimer {
    /// A claimer that is not running yet.
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let is_busy = Arc::<AtomicBool>::default();
        let inbox = Inbox {
            messages: receiver,
            is_busy: Arc::clone(&is_busy),
        };
        let messages = sender;
        (Self { messages, is_busy }, inbox)
    }

    /// Claims up to `max` shards for a client; waits up to `wait` when there is none.
    pub async fn claim(
        &self,
        client: Arc<Profile>,
        max: u32,
        wait: Duration,
    ) -> Result<Taken, ClaimError> {
        let (answer, receiver) = oneshot::channel();
        let request = Request {
            client,
            max,
            wait,
            answer,
        };
        self.messages
            .send(Message::Claim(request))
            .map_err(|_| ClaimError::Stopping)?;
        receiver.await.unwrap_or(Err(ClaimError::Stopping))
    }

    /// Instances were made, whose shards can be handed out without being looked for. Returns whether the caller is to tell
    /// the other replicas of them. A claimer at rest does so itself once it has served the clients that wait here: they
    /// wait for nothing else, and PostgreSQL may have few cores.
    pub fn offer(&self, instances: Vec<Known>) -> bool {
        let is_busy = self.is_busy.load(Ordering::Relaxed);
        // A stopped claimer has nobody to hand them to.
        let sent = self.messages.send(Message::Offer(instances, !is_busy));
        is_busy || sent.is_err()
    }

    /// Clients ended shards, and may get more of instances they were held back from.
    pub fn unblock(&self, clients: Vec<Uuid>) {
        // A stopped claimer has nobody to unblock.
        let _ = self.messages.send(Message::Unblock(clients));
    }
}

struct State {
    app: Shared,
    board: Board<Answer>,
    looks: Looks,
    next_tidy: Instant,
    /// Clients that hung up while they waited. They may have died, and hold nothing: their long lease is cut.
    hung_up: Vec<Uuid>,
    /// Do not ask again before this: somebody else is serving the same clients.
    not_before: Option<Instant>,
    /// The lowest instance offered here that the other replicas have not been told of.
    untold: Option<i64>,
}

/// Runs until the replica stops.
pub async fn run(app: Shared, mut inbox: Inbox) {
    let mut state = State {
        board: Board::default(),
        looks: Looks::default(),
        next_tidy: Instant::now() + TIDY,
        hung_up: Vec::new(),
        not_before: None,
        untold: None,
        app,
    };
    let mut backoff = Backoff::default();
    let mut backstop = state.app.hints.backstop();
    let mut more = false;
    loop {
        if !more {
            let wake_at = state.wake_at();
            tokio::select! {
                message = inbox.messages.recv() => match message {
                    Some(message) => state.take(message),
                    None => return,
                },
                () = state.app.hints.ready() => {}
                Ok(()) = backstop.changed() => state.looks.backstop(*backstop.borrow_and_update()),
                () = tokio::time::sleep_until(wake_at) => {}
                () = state.app.stopping.cancelled() => break,
            }
        }
        while let Ok(message) = inbox.messages.try_recv() {
            state.take(message);
        }
        if let Some(from) = state.app.hints.take_ready() {
            state.looks.hint(from);
        }
        if state.app.hints.take_definitions() {
            // Who may run what is known may have changed: all of it is looked at anew.
            state.board.forget_all();
            state.looks.start_over();
        }
        inbox.is_busy.store(true, Ordering::Relaxed);
        let stepped = state.step().await;
        inbox.is_busy.store(false, Ordering::Relaxed);
        if let Some(from) = state.untold.take() {
            state.app.hints.send_to_others(&Hint::ready(from));
        }
        match stepped {
            Ok(again) => {
                more = again;
                backoff.reset();
                driver::well(&state.app, PART);
            }
            Err(error) => {
                more = true;
                driver::note(&state.app, PART, &error);
                // What was proposed may or may not have been claimed; a renewal returns what was lost.
                state.looks.start_over();
                state.answer_ended_waits();
                backoff.wait().await;
            }
        }
    }
    // Parked clients go to another replica at once.
    for answer in state.board.take_all() {
        let _ = answer.send(Err(ClaimError::Stopping));
    }
    inbox.messages.close();
    while let Some(message) = inbox.messages.recv().await {
        if let Message::Claim(request) = message {
            let _ = request.answer.send(Err(ClaimError::Stopping));
        }
    }
}

impl State {
    fn take(&mut self, message: Message) {
        match message {
            Message::Claim(request) => {
                self.looks.wanted(request.client.app_id);
                let deadline = Instant::now() + request.wait;
                let replaced =
                    self.board
                        .wait(request.client, request.max, deadline, request.answer);
                if let Some(answer) = replaced {
                    let _ = answer.send(Ok(Taken::default()));
                }
            }
            Message::Unblock(clients) => self.board.unblock(&clients),
            Message::Offer(instances, tell) => {
                if tell {
                    let ids = instances.iter().map(|known| known.ready.id);
                    self.untold = ids.chain(self.untold).min();
                }
                // For whom nobody waits they are not kept: the board is no place for a backlog.
                let wanted = instances
                    .into_iter()
                    .filter(|known| self.looks.knows(known.ready.app_id));
                wanted.for_each(|known| self.board.offer(known));
            }
        }
    }

    fn wake_at(&self) -> Instant {
        let far = Instant::now() + Duration::from_hours(1);
        if !self.board.has_waiters() {
            return far;
        }
        let deadline = self.board.next_deadline().unwrap_or(far);
        let retry = self.not_before.unwrap_or(far);
        deadline.min(self.next_tidy).min(retry)
    }

    fn answer_ended_waits(&mut self) {
        for (answer, held_back) in self.board.expired(Instant::now()) {
            let _ = answer.send(Ok(Taken {
                held_back,
                ..Taken::default()
            }));
        }
    }

    /// One round: look for instances, claim, answer. Returns whether another round may find more.
    async fn step(&mut self) -> sqlx::Result<bool> {
        let now = Instant::now();
        self.tidy(now).await?;
        if !self.board.has_waiters() {
            return Ok(false);
        }
        if self.not_before.is_some_and(|not_before| now < not_before) {
            self.answer_ended_waits();
            return Ok(false);
        }
        self.not_before = None;
        self.board.limited_apps = self.app.hints.limited_apps();
        let mut more = self.look().await?;
        let proposals = self.board.propose(oneshot::Sender::is_closed);
        if proposals.is_empty() {
            // A claim that does not wait has had its round.
            self.answer_ended_waits();
            return Ok(more);
        }
        let mut conn = self.app.hot.acquire().await?;
        let asked_at = Some(Instant::now());
        let claims = shard::claim(&mut conn, &proposals, self.app.config.lease_ms()).await?;
        let applied = self.board.apply(&proposals, &claims);
        more |= applied.again || !applied.given.is_empty();
        for (answer, client, shards) in applied.given {
            let n: usize = shards.iter().map(|given| given.n as usize).sum();
            self.app.metrics.claimed.add(n);
            if let Err(Ok(taken)) = answer.send(Ok(Taken {
                shards,
                asked_at,
                held_back: false,
            })) {
                let reason = "the client hung up before the claim was answered";
                give_back(&self.app, client, &taken.shards, reason);
            }
        }
        if !applied.passed_over.is_empty() {
            let live = client::live(&mut conn, &applied.passed_over).await?;
            for id in applied.passed_over {
                if live.contains(&id) {
                    self.not_before = Some(Instant::now() + Duration::from_millis(2));
                } else if let Some(answer) = self.board.take_client(id) {
                    self.app.clients.forget(id);
                    let _ = answer.send(Err(ClaimError::Gone));
                }
            }
        }
        drop(conn);
        self.answer_ended_waits();
        Ok(more && self.board.has_waiters())
    }

    async fn tidy(&mut self, now: Instant) -> sqlx::Result<()> {
        if now < self.next_tidy {
            return Ok(());
        }
        self.next_tidy = now + TIDY;
        self.board.unblock_all();
        let hung_up = self.board.drop_closed(oneshot::Sender::is_closed);
        self.hung_up.extend(hung_up);
        let waits = |app_id| self.board.has_waiters_of(app_id);
        let since = now.checked_sub(REMEMBER).unwrap_or(now);
        for app_id in self.looks.forget(since, waits) {
            self.board.forget_app(app_id);
        }
        if !self.hung_up.is_empty() {
            let mut conn = self.app.hot.acquire().await?;
            client::cut(&mut conn, &self.hung_up, self.app.config.lease_ms()).await?;
            self.hung_up.clear();
        }
        Ok(())
    }

    /// Looks for instances with shards, when there is a reason to. Returns whether there is more to read.
    async fn look(&mut self) -> sqlx::Result<bool> {
        let waits = |app_id| self.board.has_waiters_of(app_id);
        let pages = self.looks.pages(MOST_APPS, waits);
        if pages.is_empty() {
            return Ok(false);
        }
        let most = PAGE / pages.len();
        let from: Vec<shard::From> = pages.iter().map(|page| page.from).collect();
        let mut conn = self.app.hot.acquire().await?;
        let found = shard::discover(&mut conn, &from, most as i64).await?;
        drop(conn);
        for page in pages {
            let mut of_app = found
                .iter()
                .filter(|found| found.ready.app_id == page.from.app_id);
            // After the last of a full page.
            let next = of_app.nth(most - 1).map(|found| found.ready.id + 1);
            self.looks.read(page, next);
        }
        let versions = |f: &shard::Found| {
            let fired = f.ready.job_version;
            [fired, f.current_version.unwrap_or(fired)].map(|version| (f.ready.job_id, version))
        };
        let keys: Vec<(i64, i32)> = found.iter().flat_map(versions).collect();
        let jobs = self.app.jobs.get(&self.app.hot, &keys).await?;
        for found in found {
            let [fired, current] = versions(&found);
            let ready = found.ready;
            if let Some(job) = jobs.get(&fired) {
                let job = Arc::clone(job);
                let current = Arc::clone(jobs.get(&current).unwrap_or(&job));
                self.board.offer(Known::with_current(ready, job, current));
            } else {
                tracing::error!(instance_id = ready.id, "an instance has no definition");
            }
        }
        let waits = |app_id| self.board.has_waiters_of(app_id);
        Ok(self.looks.has_pages(waits))
    }
}

/// Shards that were claimed for a client which cannot be told go back at once.
pub fn give_back(app: &App, client_id: Uuid, shards: &[Given], reason: &str) {
    let held: Vec<shard::Held> = shards
        .iter()
        .map(|given| shard::Held {
            client_id,
            instance_id: given.known.ready.id,
            chunk: (given.item / CHUNK) as i16,
            attempt: given.attempt,
            open: chunk::run(given.item, given.n),
            old: false,
        })
        .collect();
    app.reporter.end(endings(&held, "returned", reason));
}
