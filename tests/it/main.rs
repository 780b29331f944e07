//! Real servers, real clients, a real PostgreSQL: what must hold, whoever dies.

mod api;
mod attempts;
mod bad_input;
mod checkpoints;
mod chunks;
mod cli;
mod cluster;
mod console;
mod dynamic;
mod eligible;
mod failover;
mod firing;
mod guards;
mod leases;
mod openapi;
mod outcomes;
mod plan;
mod plans;
mod pooler;
mod read_database;
mod reruns;
mod sdk;
mod shards;
mod starting;
mod tidy;
mod views;
