//! The command palette: any page, job or instance, by a few keys.

use antares_protocol::job::Job;
use antares_protocol::page::Page;
use gloo_timers::future::TimeoutFuture;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, KeyboardEvent};

use super::dialog::Modal;
use crate::api;
use crate::hooks::auth::use_auth;
use crate::i18n::{Label, use_i18n};

/// The pages, with the key that leads to each after `g`.
const PAGES: [(&str, char, Label); 10] = [
    ("/overview", 'o', |t| t.overview.title),
    ("/jobs", 'j', |t| t.jobs),
    ("/instances", 'i', |t| t.instances),
    ("/dependencies", 'd', |t| t.graph.title),
    ("/apps", 'a', |t| t.apps.title),
    ("/calendars", 'k', |t| t.calendars.title),
    ("/limits", 'l', |t| t.limits.title),
    ("/servers", 's', |t| t.servers),
    ("/clients", 'c', |t| t.clients),
    ("/jobs/new", 'n', |t| t.editor.create),
];

/// Jobs that are offered.
const OFFERED: usize = 12;

/// How long nothing must be typed before jobs are looked for.
const PAUSE_MS: u32 = 150;

/// How long after `g` the second key may come.
const SECOND_KEY_MS: f64 = 1_500.0;

/// The palette, and the keys that work everywhere.
#[component]
pub(crate) fn Palette() -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    let navigate = StoredValue::new(use_navigate());
    let go = move |path: &str| {
        open.set(false);
        navigate.with_value(|navigate| navigate(path, NavigateOptions::default()));
    };
    // When `g` was pressed, in milliseconds of the page; an earlier one leaves a later one alone.
    let after_g = RwSignal::new(None::<f64>);
    let pressed = move |event: KeyboardEvent| {
        let key = event.key();
        if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
            event.prevent_default();
            open.update(|open| *open = !*open);
            return;
        }
        if event.ctrl_key() || event.meta_key() || event.alt_key() || types(&event) || asks() {
            return;
        }
        let now = event.time_stamp();
        let first = after_g.get_untracked();
        after_g.set(None);
        if first.is_some_and(|first| now - first <= SECOND_KEY_MS) {
            let page = PAGES.iter().find(|(_, short, _)| key == short.to_string());
            if let Some((path, ..)) = page {
                event.prevent_default();
                go(path);
            }
            return;
        }
        match key.as_str() {
            "g" => after_g.set(Some(now)),
            "/" => {
                let filter = document().query_selector(".toolbar input").ok().flatten();
                if let Some(filter) =
                    filter.and_then(|filter| filter.dyn_into::<HtmlElement>().ok())
                {
                    event.prevent_default();
                    let _ = filter.focus();
                }
            }
            "?" => open.set(true),
            _ => {}
        }
    };
    let listener = window_event_listener(leptos::ev::keydown, pressed);
    on_cleanup(move || listener.remove());
    let title = Signal::derive(move || i18n.texts().palette.title.to_owned());
    view! {
        <button
            type="button"
            id="palette-open"
            class="button ghost"
            title=i18n.text(|t| t.palette.hint)
            on:click=move |_| open.set(true)
        >
            {i18n.text(|t| t.palette.title)} " " <kbd>"Ctrl K"</kbd>
        </button>
        <Modal open title>
            <Choices go />
        </Modal>
    }
}

/// Whether a dialog waits for an answer, this one or another.
fn asks() -> bool {
    document()
        .query_selector("dialog[open]")
        .is_ok_and(|dialog| dialog.is_some())
}

/// Whether keys go into a field.
fn types(event: &KeyboardEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<HtmlElement>().ok());
    target.is_some_and(|target| {
        matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
            || target.is_content_editable()
    })
}

#[derive(Clone, PartialEq)]
struct Item {
    path: String,
    first: String,
    second: String,
}

#[component]
fn Choices(go: impl Fn(&str) + Copy + Send + Sync + 'static) -> impl IntoView {
    let i18n = use_i18n();
    let auth = use_auth();
    let field = NodeRef::<html::Input>::new();
    let text = RwSignal::new(String::new());
    // What was found, and for which text.
    let jobs = RwSignal::new((None::<String>, Vec::<Item>::new()));
    let chosen = RwSignal::new(0_usize);
    Effect::new(move || {
        if let Some(field) = field.get() {
            let _ = field.focus();
        }
    });
    Effect::new(move || {
        let wanted = text.get();
        spawn_local(async move {
            TimeoutFuture::new(PAUSE_MS).await;
            // Something else has been typed meanwhile, or the palette is gone.
            if text.try_get_untracked().as_ref() != Some(&wanted) {
                return;
            }
            let path = format!(
                "/api/v1/jobs?limit={OFFERED}&search={}",
                js_sys::encode_uri_component(wanted.trim())
            );
            match api::get::<Page<Job>>(&path).await {
                Ok(page) if text.try_get_untracked().as_ref() == Some(&wanted) => {
                    let found = page.items.into_iter().map(|job| Item {
                        path: format!("/jobs/{}", job.id),
                        first: job.spec.name,
                        second: job.app,
                    });
                    jobs.set((Some(wanted), found.collect()));
                }
                Ok(_) => {}
                Err(error) => auth.notice(&error),
            }
        });
    });
    let items = Memo::new(move |_| {
        let wanted = text.get().trim().to_lowercase();
        let texts = i18n.texts();
        let pages = PAGES.iter().map(|(path, key, name)| Item {
            path: (*path).to_owned(),
            first: name(texts).to_owned(),
            second: format!("g {key}"),
        });
        let pages = pages.filter(|item| item.first.to_lowercase().contains(&wanted));
        // Numbers are copied from logs and messages, with or without the sign.
        let number = wanted.trim_start_matches('#').parse::<u32>().ok();
        let instance = number.map(|id| Item {
            path: format!("/instances/{id}"),
            first: (texts.instance.title)(&id.to_string()),
            second: String::new(),
        });
        let found = instance.into_iter().chain(pages);
        found.chain(jobs.get().1).collect::<Vec<_>>()
    });
    let is_nothing = Memo::new(move |_| {
        items.with(Vec::is_empty)
            && jobs.with(|(wanted, _)| text.with(|text| wanted.as_ref() == Some(text)))
    });
    let typed = move |event| {
        text.set(event_target_value(&event));
        chosen.set(0);
    };
    let pressed = move |event: KeyboardEvent| {
        let last = items.with_untracked(Vec::len).saturating_sub(1);
        match event.key().as_str() {
            "ArrowDown" => chosen.update(|chosen| *chosen = (*chosen + 1).min(last)),
            "ArrowUp" => chosen.update(|chosen| *chosen = chosen.saturating_sub(1)),
            "Enter" => {
                let item = items.with_untracked(|items| items.get(chosen.get_untracked()).cloned());
                if let Some(item) = item {
                    go(&item.path);
                }
            }
            _ => return,
        }
        event.prevent_default();
    };
    let row = move |(index, item): (usize, Item)| {
        let path = item.path.clone();
        view! {
            <li
                id=format!("palette-{index}")
                role="option"
                aria-selected=move || (chosen.get() == index).to_string()
                on:click=move |_| go(&path)
            >
                <span>{item.first}</span>
                <span class="second">{item.second}</span>
            </li>
        }
    };
    view! {
        <input
            id="palette"
            node_ref=field
            role="combobox"
            aria-expanded="true"
            aria-controls="palette-items"
            aria-activedescendant=move || format!("palette-{}", chosen.get())
            aria-label=i18n.text(|t| t.palette.title)
            placeholder=i18n.text(|t| t.palette.placeholder)
            autocomplete="off"
            spellcheck="false"
            on:input=typed
            on:keydown=pressed
        />
        <ul id="palette-items" role="listbox" aria-label=i18n.text(|t| t.palette.title)>
            {move || items.get().into_iter().enumerate().map(row).collect_view()}
        </ul>
        <p class="nothing" role="status">{move || is_nothing.get().then(|| i18n.texts().nothing_matches)}</p>
        <p class="second">{i18n.text(|t| t.palette.keys)}</p>
    }
}
