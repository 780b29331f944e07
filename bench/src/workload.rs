//! What is measured.

pub(crate) mod drain;
pub(crate) mod herd;
pub(crate) mod latency;
