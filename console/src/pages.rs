//! The pages.

mod apps;
mod calendars;
mod clients;
mod dependencies;
mod editor;
mod instance;
mod instances;
mod job;
mod jobs;
mod limits;
mod login;
mod not_found;
mod overview;
mod servers;

pub(crate) use apps::Apps;
pub(crate) use calendars::Calendars;
pub(crate) use clients::Clients;
pub(crate) use dependencies::Dependencies;
pub(crate) use editor::{EditJob, NewJob};
pub(crate) use instance::InstancePage;
pub(crate) use instances::Instances;
pub(crate) use job::JobPage;
pub(crate) use jobs::Jobs;
pub(crate) use limits::Limits;
pub(crate) use login::LoginPage;
pub(crate) use not_found::{Missing, NotFound};
pub(crate) use overview::OverviewPage;
pub(crate) use servers::Servers;

use leptos::prelude::*;

use crate::i18n::{Texts, use_i18n};

/// Names the browser's tab after the page.
pub(crate) fn use_title(title: fn(&Texts) -> &'static str) {
    let i18n = use_i18n();
    Effect::new(move || document().set_title(&format!("{} · Antares", title(i18n.texts()))));
}
