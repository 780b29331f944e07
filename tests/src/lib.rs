//! What the tests stand on: real servers, real clients and a real PostgreSQL, all gone afterwards.
//!
//! A test makes a [`World`], which is a namespace of its own in a PostgreSQL that all tests of the process
//! share (or, with [`World::with_own_postgres`], a PostgreSQL that the test may kill). In it the test starts
//! servers and clients as processes of their own, kills, hangs and continues them, and looks at what became
//! of it through the API and in SQL:
//!
//! ```no_run
//! # async fn example() {
//! use antares_tests::{BOUND, Work, World};
//!
//! let world = World::new().await;
//! let [a, b] = world.servers().await;
//! let app = world.app(&a, "shop").await;
//! let job = app.job("settle", |spec| spec.shard_count = 4).await;
//! let client = world.client(&app, &[&a, &b]).start().await;
//! let instance = job.trigger_with(&Work::default()).await;
//! let ended = world.ended(instance, BOUND).await;
//! assert_eq!((ended.state.as_str(), ended.succeeded), ("succeeded", 4));
//! world.assert_consistent().await;
//! # drop(client);
//! # }
//! ```
//!
//! Nothing waits for a fixed time: [`wait_until`] polls a condition within a bound, and says what it waited
//! for and what it saw last when the bound is over. A process prints the end of its log when its test
//! panics.

pub use api::{Admin, App, Job, RawClient, result};
pub use database::Database;
pub use execution::{End, Executed, Work};
pub use pgbouncer::PgBouncer;
pub use process::{ClientProcess, Process, Server, program};
pub use standby::Standby;
pub use wait::{BOUND, wait_for, wait_until};
pub use world::{ClientSetup, Ended, Gate, ServerSetup, World};

mod api;
pub mod browser;
mod database;
mod execution;
mod pgbouncer;
mod process;
mod standby;
mod wait;
mod world;
