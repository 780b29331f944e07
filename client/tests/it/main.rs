//! The SDK against a stand-in for a server, over real HTTP.

mod annotated;
mod checkpoint;
mod drain;
mod failover;
mod flow;
mod lease;
mod outcomes;
mod script;
mod stand_in;
