//! The admin API from the outside: apps, jobs, triggers, history, logins, events.

mod app;
mod claims;
mod history;
mod http;
mod job;
mod session;
mod triggers;
