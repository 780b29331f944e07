//! Gathers the claims of many clients into one statement, and parks those for which there is nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::board::{Board, Given, Known};
use super::driver::{self, Backoff};
use crate::app::Shared;
use crate::domain::chunk::{self, CHUNK};
use crate::pipeline::attempt::endings;
use crate::store::client::Profile;
use crate::store::{client, shard};

/// Name in logs and in `/readyz`.
const PART: &str = "claims";
/// How often parked claims are gone through: held-back clients may have ended shards at another replica, others
/// have hung up.
const TIDY: Duration = Duration::from_secs(1);
/// Instances read at a time when looking for shards.
const PAGE: i64 = 1000;

/// Why a claim has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimError {
    /// The client's lease has ended.
    Gone,
    /// The replica is stopping.
    Stopping,
}

type Answer = oneshot::Sender<Result<Vec<Given>, ClaimError>>;

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
    /// These instances are new.
    Offer(Vec<Known>),
}

/// Handle of the claimer.
#[derive(Debug)]
pub struct Claimer(mpsc::UnboundedSender<Message>);

/// The receiving end, for [`run`].
pub struct Inbox(mpsc::UnboundedReceiver<Message>);

impl Claimer {
    /// A claimer that is not running yet.
    pub fn new() -> (Self, Inbox) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Inbox(receiver))
    }

    /// Claims up to `max` shards for a client; waits up to `wait` when there is none.
    pub async fn claim(
        &self,
        client: Arc<Profile>,
        max: u32,
        wait: Duration,
    ) -> Result<Vec<Given>, ClaimError> {
        let (answer, receiver) = oneshot::channel();
        let request = Request {
            client,
            max,
            wait,
            answer,
        };
        self.0
            .send(Message::Claim(request))
            .map_err(|_| ClaimError::Stopping)?;
        receiver.await.unwrap_or(Err(ClaimError::Stopping))
    }

    /// Instances were made, whose shards can be handed out without being looked for.
    pub fn offer(&self, instances: Vec<Known>) {
        // A stopped claimer has nobody to hand them to.
        let _ = self.0.send(Message::Offer(instances));
    }

    /// Clients ended shards, and may get more of instances they were held back from.
    pub fn unblock(&self, clients: Vec<Uuid>) {
        // A stopped claimer has nobody to unblock.
        let _ = self.0.send(Message::Unblock(clients));
    }
}

struct State {
    app: Shared,
    board: Board<Answer>,
    /// Where the next look for shards starts; `None` when there is no reason to look.
    look_from: Option<i64>,
    /// Whether there are shards that no hint may have told of.
    backstop: bool,
    /// Where the next page of those starts.
    backstop_from: i64,
    next_tidy: Instant,
    /// Do not ask again before this: somebody else is serving the same clients.
    not_before: Option<Instant>,
}

/// Runs until the replica stops.
pub async fn run(app: Shared, mut inbox: Inbox) {
    let mut state = State {
        board: Board::default(),
        look_from: Some(0),
        backstop: false,
        backstop_from: 0,
        next_tidy: Instant::now() + TIDY,
        not_before: None,
        app,
    };
    let mut backoff = Backoff::default();
    let mut more = false;
    loop {
        if !more {
            let wake_at = state.wake_at();
            tokio::select! {
                message = inbox.0.recv() => match message {
                    Some(message) => state.take(message),
                    None => return,
                },
                () = state.app.hints.ready() => {}
                () = state.app.hints.backstop.notified() => state.backstop = true,
                () = tokio::time::sleep_until(wake_at) => {}
                () = state.app.stopping.cancelled() => break,
            }
        }
        while let Ok(message) = inbox.0.try_recv() {
            state.take(message);
        }
        if let Some(from) = state.app.hints.take_ready() {
            state.look_from = Some(state.look_from.map_or(from, |look| look.min(from)));
        }
        match state.step().await {
            Ok(again) => {
                more = again;
                backoff.reset();
                driver::well(&state.app, PART);
            }
            Err(error) => {
                more = true;
                driver::note(&state.app, PART, &error);
                // What was proposed may or may not have been claimed; a renewal returns what was lost.
                state.look_from = Some(0);
                state.answer_ended_waits();
                backoff.wait().await;
            }
        }
    }
    // Parked clients go to another replica at once.
    for answer in state.board.take_all() {
        let _ = answer.send(Err(ClaimError::Stopping));
    }
    inbox.0.close();
    while let Some(message) = inbox.0.recv().await {
        if let Message::Claim(request) = message {
            let _ = request.answer.send(Err(ClaimError::Stopping));
        }
    }
}

impl State {
    fn take(&mut self, message: Message) {
        match message {
            Message::Claim(request) => {
                let deadline = Instant::now() + request.wait;
                let replaced =
                    self.board
                        .wait(request.client, request.max, deadline, request.answer);
                if let Some(answer) = replaced {
                    let _ = answer.send(Ok(Vec::new()));
                }
            }
            Message::Unblock(clients) => self.board.unblock(&clients),
            Message::Offer(instances) => {
                for known in instances {
                    let (app_id, id) = (known.ready.app_id, known.ready.id);
                    if self.board.has_waiters_of(app_id) {
                        self.board.offer(known);
                    } else {
                        // Nobody to hand it to: the board is no place to keep a backlog.
                        self.look_from = Some(self.look_from.map_or(id, |look| look.min(id)));
                    }
                }
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
        for answer in self.board.expired(Instant::now()) {
            let _ = answer.send(Ok(Vec::new()));
        }
    }

    /// One round: look for instances, claim, answer. Returns whether another round may find more.
    async fn step(&mut self) -> sqlx::Result<bool> {
        if !self.board.has_waiters() {
            return Ok(false);
        }
        let now = Instant::now();
        if self.not_before.is_some_and(|not_before| now < not_before) {
            self.answer_ended_waits();
            return Ok(false);
        }
        self.not_before = None;
        let mut more = self.look().await?;
        let proposals = self.board.propose(oneshot::Sender::is_closed);
        if proposals.is_empty() {
            // A claim that does not wait has had its round.
            self.answer_ended_waits();
            return Ok(more);
        }
        let mut conn = self.app.hot.acquire().await?;
        let claims = shard::claim(&mut conn, &proposals).await?;
        let applied = self.board.apply(&proposals, &claims);
        more |= applied.again || !applied.given.is_empty();
        for (answer, client, shards) in applied.given {
            let n: usize = shards.iter().map(|given| given.n as usize).sum();
            self.app.metrics.claimed.add(n);
            if let Err(Ok(shards)) = answer.send(Ok(shards)) {
                self.give_back(client, &shards);
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

    /// Looks for instances with shards, when there is a reason to.
    async fn look(&mut self) -> sqlx::Result<bool> {
        if Instant::now() >= self.next_tidy {
            self.next_tidy = Instant::now() + TIDY;
            self.board.unblock_all();
            self.board.drop_closed(oneshot::Sender::is_closed);
        }
        if std::mem::take(&mut self.backstop) {
            let page = self.read(self.backstop_from).await?;
            self.backstop_from = page.unwrap_or(0);
        }
        let Some(from) = self.look_from.take() else {
            return Ok(false);
        };
        match self.read(from).await {
            Ok(next) => {
                self.look_from = next;
                Ok(next.is_some())
            }
            Err(error) => {
                self.look_from = Some(from);
                Err(error)
            }
        }
    }

    /// Reads a page of instances. Returns where the next one starts, if there is one.
    async fn read(&mut self, from: i64) -> sqlx::Result<Option<i64>> {
        let mut conn = self.app.hot.acquire().await?;
        let page = shard::discover(&mut conn, from, PAGE).await?;
        drop(conn);
        let next = (page.len() as i64 == PAGE).then(|| page.last().map_or(0, |ready| ready.id + 1));
        let keys: Vec<(i64, i32)> = page.iter().map(|r| (r.job_id, r.job_version)).collect();
        let jobs = self.app.jobs.get(&self.app.hot, &keys).await?;
        for ready in page {
            if let Some(job) = jobs.get(&(ready.job_id, ready.job_version)) {
                let job = Arc::clone(job);
                self.board.offer(Known { ready, job });
            } else {
                tracing::error!(instance_id = ready.id, "an instance has no definition");
            }
        }
        Ok(next)
    }

    /// The client hung up before it could be told: its shards go back at once.
    fn give_back(&self, client_id: Uuid, shards: &[Given]) {
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
        let reason = "the client hung up before the claim was answered";
        self.app.reporter.end(endings(&held, "returned", reason));
    }
}
