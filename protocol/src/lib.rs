//! Wire types of Antares: what clients, the console and operators' tools exchange with a server.
//!
//! The crate has no I/O and builds for `wasm32-unknown-unknown`. Fields are `snake_case`, instants are
//! RFC 3339 in UTC and end in `_at`, durations are whole milliseconds and end in `_ms`. Unknown fields
//! are ignored in client requests, so that an older server serves a newer client.

pub mod app;
pub mod client;
pub mod cluster;
pub mod instance;
pub mod job;
pub mod json;
pub mod overview;
pub mod page;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod schedule;
pub mod session;
pub mod shard;
pub mod version;

/// How deep a body, or a value in it, may be nested. JSON readers stop at some 127 levels, and a value that was taken is
/// handed on within a few more.
pub const MAX_DEPTH: usize = 100;
