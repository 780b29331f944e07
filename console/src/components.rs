//! The parts that pages are put together from.

pub(crate) mod badge;
pub(crate) mod bars;
pub(crate) mod connection;
pub(crate) mod copy;
pub(crate) mod deletion;
pub(crate) mod dialog;
pub(crate) mod field;
pub(crate) mod filters;
pub(crate) mod form;
pub(crate) mod found;
pub(crate) mod icon;
pub(crate) mod job_actions;
pub(crate) mod job_controls;
pub(crate) mod kept_out;
pub(crate) mod length;
pub(crate) mod list_page;
pub(crate) mod menu;
pub(crate) mod notice;
pub(crate) mod palette;
pub(crate) mod preferences;
pub(crate) mod progress;
pub(crate) mod run_with;
pub(crate) mod selection;
pub(crate) mod shell;
pub(crate) mod toast;
pub(crate) mod when;
