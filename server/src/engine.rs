//! The loops that drive the pipeline: when, how often, and what wakes them.

pub mod board;
pub mod claimer;
pub mod driver;
pub mod firer;
pub mod hint;
pub mod listener;
pub mod load;
pub mod look;
pub mod maintainer;
pub mod membership;
pub mod offer;
pub mod reader;
pub mod renewer;
pub mod reporter;
pub mod starter;
pub mod sweeper;
