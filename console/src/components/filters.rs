//! Filters of a list. Their values are in the address, so that a filtered list can be passed on.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate, use_query_map};

use super::length::LengthText;
use super::list_page::address;
use crate::format;
use crate::i18n::{Label, use_i18n};

/// How long nothing is typed before what was typed is looked for.
const TYPING: Duration = Duration::from_millis(400);

/// Sets one parameter of the address, or takes it away. Another list begins at its first page.
pub(crate) fn use_setter() -> impl Fn(&'static str, String) + Copy {
    let query = use_query_map();
    let location = use_location();
    let navigate = StoredValue::new(use_navigate());
    move |name, value| {
        let mut kept: Vec<(String, String)> = query.with_untracked(|query| {
            query
                .clone()
                .into_iter()
                .filter(|(known, _)| known != name && known != "after")
                .map(|(known, value)| (known.into_owned(), value))
                .collect()
        });
        if !value.is_empty() {
            kept.push((name.to_owned(), value));
        }
        let path = location.pathname.get_untracked();
        navigate.with_value(|navigate| {
            let options = NavigateOptions {
                replace: true,
                scroll: false,
                ..NavigateOptions::default()
            };
            navigate(&address(&path, &kept), options);
        });
    }
}

/// The value of one parameter of the address; empty if it is not there.
pub(crate) fn use_value(name: &'static str) -> Memo<String> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get(name)).unwrap_or_default())
}

/// Looks for what is typed in a moment without another key, unless the page has been left then.
fn paused<A: 'static>(look_for: impl Fn(A) + 'static) -> impl Fn(A) + Copy {
    let is_here = StoredValue::new(());
    let paused = debounce(TYPING, move |typed: A| {
        if is_here.try_get_value().is_some() {
            look_for(typed);
        }
    });
    let paused = StoredValue::new_local(paused);
    move |typed| paused.update_value(|paused| paused(typed))
}

/// Text.
#[component]
pub(crate) fn TextFilter(
    /// The parameter.
    name: &'static str,
    /// What it is called.
    label: Label,
    /// `search` or `datetime-local`.
    #[prop(default = "search")]
    kind: &'static str,
    /// How a value is written, where that is not plain.
    #[prop(optional)]
    placeholder: &'static str,
) -> impl IntoView {
    let i18n = use_i18n();
    let set = use_setter();
    let value = use_value(name);
    // Instants are typed as the lists show them, in the viewer's zone, and stand in the address in UTC.
    let is_instant = kind == "datetime-local";
    let shown = move || {
        let value = value.get();
        if is_instant {
            let at = value.parse().ok();
            at.map(|at| format::local(at).format("%Y-%m-%dT%H:%M:%S").to_string())
                .unwrap_or_default()
        } else {
            value
        }
    };
    let changed = move |event| {
        let text = event_target_value(&event);
        let text = match text.trim() {
            "" => String::new(),
            text if is_instant => format::from_local(text)
                .map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
                .unwrap_or_default(),
            text => text.to_owned(),
        };
        set(name, text);
    };
    let look_for = paused(move |text: String| {
        if value.get_untracked() != text {
            set(name, text);
        }
    });
    let typed = move |event| {
        if !is_instant {
            look_for(event_target_value(&event).trim_start().to_owned());
        }
    };
    view! {
        <label>
            {i18n.text(label)}
            <input
                type=kind
                id=format!("filter-{name}")
                step="1"
                autocomplete="off"
                placeholder=placeholder
                prop:value=shown
                on:input=typed
                on:change=changed
            />
        </label>
    }
}

/// A length of time, which goes to the API in milliseconds. What cannot be read filters nothing.
#[component]
pub(crate) fn LengthFilter(
    /// The parameter.
    name: &'static str,
    /// What it is called.
    label: Label,
) -> impl IntoView {
    let i18n = use_i18n();
    let set = use_setter();
    let value = use_value(name);
    let text = RwSignal::new(String::new());
    Effect::new(move || {
        let millis = value.with(|value| value.parse().ok());
        if millis != format::read_length(&text.get_untracked()) {
            text.set(millis.map(format::length).unwrap_or_default());
        }
    });
    let look_for = paused(move |()| {
        let millis = format::read_length(&text.get_untracked()).filter(|millis| *millis > 0);
        let millis = millis.map(|millis| millis.to_string()).unwrap_or_default();
        if value.get_untracked() != millis {
            set(name, millis);
        }
    });
    let typed = move |_| look_for(());
    view! {
        <label on:input=typed>
            {i18n.text(label)}
            <LengthText id=name text />
        </label>
    }
}

/// A value that a link from another page sets: shown while it is, and taken away by a click.
#[component]
pub(crate) fn LinkedFilter(
    /// The parameter.
    name: &'static str,
    /// What it is called.
    label: Label,
) -> impl IntoView {
    let i18n = use_i18n();
    let set = use_setter();
    let value = use_value(name);
    view! {
        <Show when=move || value.with(|value| !value.is_empty())>
            <button
                type="button"
                id=format!("filter-{name}")
                class="button small"
                title=i18n.text(|t| t.no_filter)
                on:click=move |_| set(name, String::new())
            >
                {i18n.text(label)} ": " {value} " ×"
            </button>
        </Show>
    }
}

/// One of a few values, or any.
#[component]
pub(crate) fn SelectFilter(
    /// The parameter.
    name: &'static str,
    /// What it is called.
    label: Label,
    /// Values, and what they are called.
    options: &'static [(&'static str, Label)],
) -> impl IntoView {
    let i18n = use_i18n();
    let set = use_setter();
    let value = use_value(name);
    let items = options
        .iter()
        .map(|(option, label)| {
            view! {
                <option value=*option prop:selected=move || value.with(|value| value == option)>
                    {i18n.text(*label)}
                </option>
            }
        })
        .collect_view();
    view! {
        <label>
            {i18n.text(label)}
            <select id=format!("filter-{name}") on:change=move |event| set(name, event_target_value(&event))>
                <option value="" prop:selected=move || value.with(String::is_empty)>
                    {i18n.text(|t| t.any)}
                </option>
                {items}
            </select>
        </label>
    }
}
