//! Names that are there to choose from, so that nobody has to know them by heart.

use antares_protocol::job::JobSpec;
use antares_protocol::page::Page;
use leptos::prelude::*;
use serde_json::Value;

use super::inputs::use_draft;
use crate::api;

/// More would not be looked through; they can be typed.
const SHOWN: usize = 40;

/// Buttons that add a name to a list, or take it away. There are none while nothing is there to choose from.
#[component]
pub(super) fn Picks(
    /// The list of the API that has the names.
    path: &'static str,
    /// Where an item of it has its name, as a JSON pointer.
    name: &'static str,
    get: fn(&JobSpec) -> Vec<String>,
    set: fn(&mut JobSpec, Vec<String>),
) -> impl IntoView {
    let draft = use_draft();
    let known = LocalResource::new(move || async move {
        let page = api::get::<Page<Value>>(path).await.ok()?;
        let names = page
            .items
            .iter()
            .filter_map(|item| item.pointer(name)?.as_str());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(SHOWN);
        Some(names)
    });
    let button = move |name: String| {
        let name = StoredValue::new(name);
        let is_chosen =
            Memo::new(move |_| draft.get(|spec| name.with_value(|name| get(spec).contains(name))));
        let turn = move |_| {
            draft.set(|spec| {
                let mut names = get(spec);
                name.with_value(|name| {
                    if names.contains(name) {
                        names.retain(|known| known != name);
                    } else {
                        names.push(name.clone());
                    }
                });
                set(spec, names);
            });
        };
        view! {
            <button
                type="button"
                class="button small pick"
                aria-pressed=move || is_chosen.get().to_string()
                on:click=turn
            >
                {name.get_value()}
            </button>
        }
    };
    move || {
        let names = known.get().flatten().filter(|names| !names.is_empty())?;
        Some(
            view! { <div class="buttons picks">{names.into_iter().map(button).collect_view()}</div> },
        )
    }
}
