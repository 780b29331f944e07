//! A replica of Antares.
//!
//! A tick flows like this: [`engine::firer`] reads what is due of the buckets that [`engine::membership`]
//! holds, [`pipeline::fire`] makes an instance with its shards in one statement, [`engine::claimer`] hands
//! the shards to clients that wait in [`http::client`], [`engine::reporter`] records their results in
//! batches, and the transaction that ends the last shard ends the instance. What dies on the way is found
//! by [`engine::sweeper`] and by the leases. `ARCHITECTURE.md` tells the whole story.

pub mod app;
pub mod boot;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod embedded;
pub mod engine;
pub mod health;
pub mod http;
pub mod pipeline;
pub mod reads;
pub mod store;
