//! Very many clients of the protocol in one process with one thread: no SDK, a keep-alive connection each.
//!
//! It shares the machine with what it measures, so it does little: requests are templates, answers are read for
//! the two numbers that name a claim.

use std::cell::RefCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::Result;
use crate::process::raise_open_files;
use crate::stats::Percentiles;
use connection::Connection;
use leases::Leases;
use protocol::{Protocol, Shard};

pub(crate) use clients::Clients;

mod clients;
mod connection;
mod leases;
mod protocol;

/// Clients that register at once.
const AT_ONCE: usize = 64;

/// How often it is looked which leases are to be renewed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The part of all clients that may be renewed at once. The server answers a renewal within a sixth of the time
/// between two of a client.
const RENEWED_AT_ONCE: usize = 4;

/// How the process runs. It says a line when all are registered, clears its samples at each line it is told,
/// and ends with a [`Summary`] when its standard input closes.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Address, such as `127.0.0.1:22122`.
    #[arg(long)]
    server: String,
    #[arg(long)]
    app: String,
    /// Secret of the app.
    #[arg(long, env = "ANTARES_SECRET", hide_env_values = true)]
    secret: String,
    #[arg(long)]
    clients: usize,
    /// Pause of a client between its shards.
    #[arg(long)]
    think_ms: u64,
    /// How long its claims wait.
    #[arg(long)]
    wait_ms: u64,
}

/// What the clients saw since they were told to clear their samples.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) seconds: f64,
    pub(crate) shards: u64,
    /// Reports that were refused, and calls that failed.
    pub(crate) stale: u64,
    pub(crate) errors: u64,
    /// The last of these.
    pub(crate) error: Option<String>,
    /// A claim with results, in ms.
    pub(crate) round_trip: Percentiles,
}

#[derive(Default)]
struct Seen {
    since: Option<Instant>,
    shards: u64,
    stale: u64,
    errors: u64,
    error: Option<String>,
    /// Microseconds.
    round_trips: Vec<u32>,
}

impl Load {
    /// How many renewals may be under way.
    fn renewals(&self) -> usize {
        self.clients / RENEWED_AT_ONCE + 4
    }

    pub(crate) async fn run(&self) -> Result<ExitCode> {
        let files = raise_open_files()?;
        let needed = (self.clients + self.renewals() + 100) as u64;
        if needed > files {
            let clients = self.clients;
            return Err(format!("{clients} clients need {needed} open files, and the limit is {files}; raise it with ulimit -Hn").into());
        }
        tokio::task::LocalSet::new()
            .run_until(self.run_here())
            .await
    }

    async fn run_here(&self) -> Result<ExitCode> {
        let seen = Rc::new(RefCell::new(Seen::default()));
        let protocol = Rc::new(Protocol::new(&self.server, &self.app, &self.secret));
        let leases = Rc::new(RefCell::new(Leases::default()));
        let permits = Rc::new(tokio::sync::Semaphore::new(AT_ONCE));
        let (registered, mut all) = tokio::sync::mpsc::channel::<Result>(1);
        for _ in 0..self.clients {
            let client = Client {
                protocol: Rc::clone(&protocol),
                leases: Rc::clone(&leases),
                seen: Rc::clone(&seen),
                think: Duration::from_millis(self.think_ms),
                wait_ms: self.wait_ms,
            };
            let permits = Rc::clone(&permits);
            let registered = registered.clone();
            tokio::task::spawn_local(async move {
                let permit = permits.acquire().await;
                let me = client.register().await;
                drop(permit);
                match me {
                    // The receiver is there until all have said it.
                    Ok(id) if registered.send(Ok(())).await.is_ok() => client.run(id).await,
                    Ok(_) => {}
                    Err(error) => drop(registered.send(Err(error)).await),
                }
            });
        }
        // Leases run while others register.
        let renewer = Renewer {
            protocol: Rc::clone(&protocol),
            leases: Rc::clone(&leases),
            seen: Rc::clone(&seen),
            idle: Rc::default(),
            permits: Rc::new(tokio::sync::Semaphore::new(self.renewals())),
        };
        tokio::task::spawn_local(renewer.run());
        for _ in 0..self.clients {
            all.recv().await.ok_or("a client has ended")??;
        }
        println!("registered");
        seen.borrow_mut().since = Some(Instant::now());
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Ok(Some(_)) = lines.next_line().await {
            *seen.borrow_mut() = Seen {
                since: Some(Instant::now()),
                ..Seen::default()
            };
        }
        println!("{}", serde_json::to_string(&seen.borrow().summary())?);
        Ok(ExitCode::SUCCESS)
    }
}

impl Seen {
    fn summary(&self) -> Summary {
        let ms: Vec<f64> = self
            .round_trips
            .iter()
            .map(|us| f64::from(*us) / 1e3)
            .collect();
        Summary {
            seconds: self
                .since
                .map_or(0.0, |since| since.elapsed().as_secs_f64()),
            shards: self.shards,
            stale: self.stale,
            errors: self.errors,
            error: self.error.clone(),
            round_trip: Percentiles::of(&ms),
        }
    }

    fn reported(&mut self, accepted: bool, us: u32) {
        self.round_trips.push(us);
        self.shards += u64::from(accepted);
        self.stale += u64::from(!accepted);
    }

    fn failed(&mut self, error: &crate::Error) {
        self.errors += 1;
        self.error = Some(error.to_string());
    }
}

/// Renews the clients one after the other, each as often as it was told to. The server gathers renewals before it
/// answers, so very many of them are under way.
#[derive(Clone)]
struct Renewer {
    protocol: Rc<Protocol>,
    leases: Rc<RefCell<Leases>>,
    seen: Rc<RefCell<Seen>>,
    /// Connections that no renewal is on.
    idle: Rc<RefCell<Vec<Connection>>>,
    permits: Rc<tokio::sync::Semaphore>,
}

impl Renewer {
    async fn run(self) {
        loop {
            let now = tokio::time::Instant::now();
            let due = self.leases.borrow_mut().take_due(now);
            if due.is_empty() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            for id in due {
                let renewer = self.clone();
                tokio::task::spawn_local(async move { renewer.renew(id).await });
            }
        }
    }

    async fn renew(&self, id: Rc<str>) {
        let _permit = self.permits.acquire().await;
        let mut connection = self.idle.borrow_mut().pop();
        let renewed = self.protocol.renew(&mut connection, &id).await;
        let mut leases = self.leases.borrow_mut();
        match renewed {
            Ok(every) => {
                self.idle.borrow_mut().extend(connection);
                leases.renewed(&id, every);
            }
            Err(error) => {
                self.seen.borrow_mut().failed(&error);
                if protocol::is_gone(&error) {
                    // It registers again when its next claim is refused.
                    leases.forget(&id);
                } else {
                    leases.claimed(&id);
                }
            }
        }
    }
}

struct Client {
    protocol: Rc<Protocol>,
    leases: Rc<RefCell<Leases>>,
    seen: Rc<RefCell<Seen>>,
    think: Duration,
    wait_ms: u64,
}

impl Client {
    /// Comes up, and has its lease renewed from now on.
    async fn register(&self) -> Result<Rc<str>> {
        let (id, every) = self.protocol.register().await?;
        self.leases.borrow_mut().registered(Rc::clone(&id), every);
        Ok(id)
    }

    /// Claims, reports and thinks, for ever.
    async fn run(&self, mut id: Rc<str>) {
        let mut connection = None;
        loop {
            let Err(error) = self.work(&mut connection, &id).await else {
                continue;
            };
            let is_gone = protocol::is_gone(&error);
            self.seen.borrow_mut().failed(&error);
            self.leases.borrow_mut().claimed(&id);
            connection = None;
            tokio::time::sleep(Duration::from_millis(200)).await;
            if is_gone && let Ok(again) = self.register().await {
                id = again;
            }
        }
    }

    async fn work(&self, connection: &mut Option<Connection>, id: &Rc<str>) -> Result {
        let mut shard = self.protocol.claim(connection, id, self.wait_ms).await?;
        if shard.is_some() {
            self.leases.borrow_mut().claimed(id);
        }
        while let Some(Shard { shard_id, attempt }) = shard {
            let begin = Instant::now();
            let answer = self
                .protocol
                .report_and_claim(connection, id, shard_id, attempt);
            let (accepted, next) = answer.await?;
            let took = begin.elapsed().as_micros() as u32;
            self.seen.borrow_mut().reported(accepted, took);
            shard = next;
            if !self.think.is_zero() {
                // Between half of it and one and a half, so that clients do not march in step.
                tokio::time::sleep(self.think.mul_f64(0.5 + fastrand::f64())).await;
            }
        }
        Ok(())
    }
}
