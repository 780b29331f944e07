//! What is measured.

use clap::ValueEnum;

use crate::Options;
use crate::peer::Peers;
use crate::report::{Outcome, Report};

mod drain;
mod failover;
mod held;
mod herd;
mod history;
mod idle;
mod in_process;
mod latency;
mod one_shard;
mod start;
mod steady;
mod sustained;
mod wide;

/// In the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Shards drained a second, through the protocol, beside other queues.
    Drain,
    /// Shards drained a second in the server's own process, without HTTP.
    InProcess,
    /// 10,000 clients, each of which takes one shard, reports it and waits.
    OneShard,
    /// Instances of one shard, triggered in bulk while they are run, beside other queues.
    Sustained,
    /// Jobs that are due in one second, fired by one replica and by two.
    Herd,
    /// 1,000 fires a second.
    Steady,
    /// From a trigger, or a tick, to the start of the handler.
    Latency,
    /// Drained again on top of a long history; reading and dropping that history.
    History,
    /// A reader's transaction that stays open under load.
    HeldSnapshot,
    /// What clients and jobs cost that do nothing.
    Idle,
    /// A replica, a client and PostgreSQL die.
    Failover,
    /// One instance of very many shards.
    Wide,
    /// Until a replica is ready, and what it needs when idle.
    Start,
}

impl Workload {
    /// As on the command line and in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::InProcess => "in-process",
            Self::OneShard => "one-shard",
            Self::Sustained => "sustained",
            Self::Herd => "herd",
            Self::Steady => "steady",
            Self::Latency => "latency",
            Self::History => "history",
            Self::HeldSnapshot => "held-snapshot",
            Self::Idle => "idle",
            Self::Failover => "failover",
            Self::Wide => "wide",
            Self::Start => "start",
        }
    }

    /// Whether other queues run it as well.
    pub(crate) fn has_peers(self) -> bool {
        matches!(self, Self::Drain | Self::Sustained)
    }

    /// Runs it. One that breaks says so in its outcome, and the others go on.
    pub(crate) async fn run(self, options: &Options, peers: &Peers, report: &Report) -> Outcome {
        let outcome = match self {
            Self::Drain => Box::pin(drain::run(options, peers.again())).await,
            Self::InProcess => Box::pin(in_process::run(options)).await,
            Self::OneShard => Box::pin(one_shard::run(options)).await,
            Self::Sustained => Box::pin(sustained::run(options, peers.again())).await,
            Self::Herd => Box::pin(herd::run(options)).await,
            Self::Steady => Box::pin(steady::run(options)).await,
            Self::Latency => Box::pin(latency::run(options)).await,
            Self::History => Box::pin(history::run(options)).await,
            Self::HeldSnapshot => Box::pin(held::run(options)).await,
            Self::Idle => Box::pin(idle::run(options)).await,
            Self::Failover => Box::pin(failover::run(options)).await,
            Self::Wide => Box::pin(wide::run(options, report)).await,
            Self::Start => Box::pin(start::run(options)).await,
        };
        outcome.unwrap_or_else(|error| Outcome::broken(options, self.name(), error.to_string()))
    }
}
