//! The languages of the console.
//!
//! A dictionary is a value of [`Texts`]: a text that one language lacks does not compile. Values go in
//! through functions, so that each language orders its own words.

mod apps;
mod calendars;
mod control;
mod editor;
mod en;
mod instance;
mod job;
pub(crate) mod labels;
mod overview;
mod palette;
mod said;
mod servers;
mod zh;

use antares_protocol::problem::Problem;
use leptos::prelude::*;

use crate::format;
use crate::hooks::storage;

const KEY: &str = "antares.language";

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    English,
    /// Chinese, in simplified characters.
    Chinese,
}

impl Language {
    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    fn of_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    /// The one chosen before, else the first of the browser's that there is.
    fn initial() -> Self {
        let chosen = storage::load(KEY);
        let browser = window().navigator().languages();
        chosen
            .into_iter()
            .chain(browser.iter().filter_map(|tag| tag.as_string()))
            .find_map(|tag| Self::of_tag(&tag))
            .unwrap_or(Self::English)
    }
}

/// The chosen language; copied into whatever shows text.
#[derive(Clone, Copy)]
pub(crate) struct I18n(RwSignal<Language>);

impl I18n {
    /// The texts of the chosen language. What reads them follows a switch.
    pub(crate) fn texts(self) -> &'static Texts {
        match self.0.get() {
            Language::English => &en::TEXTS,
            Language::Chinese => &zh::TEXTS,
        }
    }

    /// The text that `pick` picks, in whichever language is chosen at the time.
    pub(crate) fn text(self, pick: fn(&Texts) -> &'static str) -> impl Fn() -> &'static str + Copy {
        move || pick(self.texts())
    }

    /// What the server says in both languages, in the chosen one and in the viewer's zone.
    pub(crate) fn pick(self, english: &str, chinese: &str) -> String {
        format::in_local_times(match self.0.get() {
            Language::English => english,
            Language::Chinese => chinese,
        })
    }

    /// What the server says in English only, in the chosen language as far as it is known.
    pub(crate) fn said(self, english: &str) -> String {
        format::in_local_times(&(self.texts().said)(english))
    }

    /// Goes on to the next language.
    pub(crate) fn switch(self) {
        let next = match self.0.get_untracked() {
            Language::English => Language::Chinese,
            Language::Chinese => Language::English,
        };
        storage::keep(KEY, Some(next.tag()));
        self.0.set(next);
    }
}

/// Provides the language and keeps the page's root element in step with it.
pub(crate) fn provide() {
    let language = RwSignal::new(Language::initial());
    provide_context(I18n(language));
    Effect::new(move || {
        if let Some(root) = document().document_element() {
            // `lang` is a valid attribute name.
            let _ = root.set_attribute("lang", language.get().tag());
        }
    });
}

/// The English texts, for tests.
#[cfg(test)]
pub(crate) fn english() -> &'static Texts {
    &en::TEXTS
}

/// The language.
pub(crate) fn use_i18n() -> I18n {
    expect_context()
}

/// Picks a text.
pub(crate) type Label = fn(&Texts) -> &'static str;

/// Every text of the console.
pub(crate) struct Texts {
    /// What the switch offers: the other language, in that language.
    pub(crate) other_language: &'static str,
    pub(crate) other_language_tag: &'static str,
    pub(crate) theme_system: &'static str,
    pub(crate) theme_light: &'static str,
    pub(crate) theme_dark: &'static str,
    pub(crate) skip_to_content: &'static str,
    pub(crate) main_menu: &'static str,
    pub(crate) loading: &'static str,
    pub(crate) try_again: &'static str,
    pub(crate) newcomers: fn(&str) -> String,
    pub(crate) none: &'static str,
    pub(crate) any: &'static str,
    pub(crate) no_filter: &'static str,
    pub(crate) search: &'static str,
    pub(crate) fired_from: &'static str,
    pub(crate) fired_until: &'static str,
    pub(crate) took_least: &'static str,
    pub(crate) more: &'static str,
    pub(crate) choose: fn(&str) -> String,
    pub(crate) cancel: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) not_copied: &'static str,
    pub(crate) undo: &'static str,
    pub(crate) dismiss: &'static str,
    pub(crate) escape_keeps: &'static str,
    pub(crate) type_to_confirm: fn(&str) -> String,
    pub(crate) nothing_matches: &'static str,
    pub(crate) nothing_matches_hint: &'static str,

    pub(crate) tagline: &'static str,
    pub(crate) log_in: &'static str,
    pub(crate) logging_in: &'static str,
    pub(crate) log_out: &'static str,
    pub(crate) logged_in_as: fn(&str) -> String,
    pub(crate) user: &'static str,
    pub(crate) password: &'static str,
    pub(crate) first_password: &'static str,

    pub(crate) live: &'static str,
    pub(crate) live_hint: &'static str,
    pub(crate) opening: &'static str,
    pub(crate) reconnecting: &'static str,
    pub(crate) lost_since: fn(&str) -> String,

    pub(crate) unreachable: &'static str,
    pub(crate) unexpected: fn(&str) -> String,
    pub(crate) of_entry: fn(usize, &str) -> String,
    pub(crate) session_ended: &'static str,
    pub(crate) session_unknown: &'static str,
    pub(crate) not_refreshed: &'static str,
    pub(crate) not_logged_out: &'static str,

    pub(crate) first_page: &'static str,
    pub(crate) next_page: &'static str,
    pub(crate) pages: &'static str,
    pub(crate) api_description: &'static str,

    pub(crate) not_found: &'static str,
    pub(crate) not_found_hint: &'static str,
    pub(crate) to_overview: &'static str,

    pub(crate) jobs: &'static str,
    pub(crate) instances: &'static str,
    pub(crate) servers: &'static str,
    pub(crate) clients: &'static str,

    pub(crate) name: &'static str,
    pub(crate) app: &'static str,
    pub(crate) state: &'static str,
    pub(crate) schedule: &'static str,
    pub(crate) on_demand: &'static str,
    pub(crate) script: &'static str,
    pub(crate) previous_fire: &'static str,
    pub(crate) next_fire: &'static str,
    pub(crate) over: &'static str,
    pub(crate) at_instants: fn(usize) -> String,
    pub(crate) queued: &'static str,
    pub(crate) running: &'static str,
    pub(crate) version: &'static str,
    pub(crate) within: fn(&str) -> String,
    pub(crate) due: &'static str,
    pub(crate) no_jobs: &'static str,
    pub(crate) no_jobs_hint: &'static str,

    pub(crate) disabled: &'static str,
    pub(crate) stopped: &'static str,
    pub(crate) waiting: &'static str,
    pub(crate) paused: &'static str,
    pub(crate) succeeded: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) terminated: &'static str,
    pub(crate) timed_out: &'static str,

    pub(crate) job: &'static str,
    pub(crate) job_number: &'static str,
    pub(crate) trigger: &'static str,
    pub(crate) by_schedule: &'static str,
    pub(crate) by_api: &'static str,
    pub(crate) by_console: &'static str,
    pub(crate) by_dependency: &'static str,
    pub(crate) by_backfill: &'static str,
    pub(crate) by_rerun: &'static str,
    pub(crate) by_plan: &'static str,
    pub(crate) by_other: &'static str,
    pub(crate) scheduled: &'static str,
    pub(crate) fired: &'static str,
    pub(crate) ended: &'static str,
    pub(crate) duration: &'static str,
    pub(crate) progress: &'static str,
    pub(crate) n_succeeded: fn(&str) -> String,
    pub(crate) n_failed: fn(&str) -> String,
    pub(crate) n_cancelled: fn(&str) -> String,
    pub(crate) late_by: fn(&str) -> String,
    pub(crate) no_instances: &'static str,
    pub(crate) no_instances_hint: &'static str,

    pub(crate) host: &'static str,
    pub(crate) pid: &'static str,
    pub(crate) address: &'static str,
    pub(crate) buckets: &'static str,
    pub(crate) started: &'static str,
    pub(crate) active: &'static str,
    pub(crate) load: &'static str,
    pub(crate) no_leader: &'static str,
    pub(crate) no_servers: &'static str,
    pub(crate) no_servers_hint: &'static str,

    pub(crate) sdk: &'static str,
    pub(crate) handlers: &'static str,
    pub(crate) slots: &'static str,
    pub(crate) clock_skew: &'static str,
    pub(crate) registered: &'static str,
    pub(crate) no_clients: &'static str,
    pub(crate) no_clients_hint: &'static str,

    pub(crate) apps: apps::AppTexts,
    pub(crate) calendars: calendars::CalendarTexts,
    pub(crate) limits: calendars::LimitTexts,
    pub(crate) control: control::ControlTexts,
    pub(crate) editor: editor::EditorTexts,
    pub(crate) instance: instance::InstanceTexts,
    pub(crate) job_page: job::JobTexts,
    pub(crate) overview: overview::OverviewTexts,
    pub(crate) graph: overview::GraphTexts,
    pub(crate) palette: palette::PaletteTexts,
    pub(crate) server: servers::ServerTexts,

    /// What the server said in English.
    pub(crate) said: fn(&str) -> String,
    pub(crate) problem: fn(&Problem) -> String,
}
