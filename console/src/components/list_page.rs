//! A page that is one live list: heading, table, and whatever stands there when there is no table.

use leptos::either::EitherOf4;
use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use wasm_bindgen::JsCast as _;
use web_sys::Element;

use super::notice::Notice;
use crate::api::{ApiError, Row};
use crate::format;
use crate::hooks::list::{Entry, List, use_list};
use crate::hooks::live::{Connection, Topic, use_live};
use crate::i18n::{Texts, use_i18n};
use crate::pages::use_title;

/// A column.
pub(crate) struct Column<T: 'static> {
    /// Its heading.
    pub(crate) label: fn(&Texts) -> &'static str,
    /// Its style: `wide`, `number`, `mono`, or nothing.
    pub(crate) class: &'static str,
    /// What stands in the heading instead of the label, which is still read out.
    pub(crate) head: Option<fn() -> AnyView>,
    /// What stands in it.
    pub(crate) cell: fn(RwSignal<T>) -> AnyView,
}

/// What stands there when the list is empty.
#[derive(Clone, Copy)]
pub(crate) struct Empty {
    /// That it is.
    pub(crate) text: fn(&Texts) -> &'static str,
    /// What to do next.
    pub(crate) hint: fn(&Texts) -> &'static str,
}

/// The page.
#[component]
pub(crate) fn ListPage<T: Row>(
    /// Address of the page.
    path: &'static str,
    /// What the page is called.
    title: fn(&Texts) -> &'static str,
    /// What tells of changes.
    topic: Topic,
    /// The columns; the first one names the row.
    columns: &'static [Column<T>],
    /// When there is nothing.
    empty: Empty,
    /// Names of the query parameters that filter the list, the same in the page's address and in the API.
    #[prop(optional)]
    filters: &'static [&'static str],
    /// What stands between the heading and the list.
    #[prop(optional)]
    toolbar: Option<fn() -> AnyView>,
    /// What stands beside the heading.
    #[prop(optional)]
    actions: Option<fn() -> AnyView>,
    /// Whether new rows wait while the viewer points at the list or goes through it with keys.
    #[prop(optional)]
    stays: bool,
) -> impl IntoView {
    use_title(title);
    let i18n = use_i18n();
    let live = use_live();
    let query = use_query_map();
    let after = Memo::new(move |_| query.with(|query| query.get("after")));
    let filtered = Memo::new(move |_| {
        let value = |name: &&'static str| {
            let value = query.with(|query| query.get(name))?;
            (!value.is_empty()).then(|| ((*name).to_owned(), value))
        };
        filters.iter().filter_map(value).collect::<Vec<_>>()
    });
    // Another page is another list: it starts anew, with nothing left of the one before.
    let body = move || {
        let asked = filtered
            .get()
            .into_iter()
            .chain(after.get().map(|after| ("after".to_owned(), after)))
            .collect();
        let list = use_list::<T>(topic, asked);
        let is_refused = move || {
            let error = list.error.read();
            error.as_ref().is_some_and(ApiError::is_refused)
        };
        // Remembered: a table that is made anew with each row that comes or goes loses what is chosen in it.
        let shape = Memo::new(move |_| {
            let is_empty = list
                .entries
                .with(|entries| entries.as_ref().map(Vec::is_empty));
            (is_empty, is_empty.is_none() && is_refused())
        });
        let body = move || match shape.get() {
            // What is wrong is told above.
            (None, true) => EitherOf4::D(()),
            (None, false) => EitherOf4::A(view! { <Skeleton columns=columns.len() /> }),
            (Some(true), _) => {
                let is_filtered = filtered.with(|filtered| !filtered.is_empty());
                EitherOf4::B(view! { <Emptiness empty is_filtered /> })
            }
            (Some(false), _) => EitherOf4::C(view! { <Table list title columns /> }),
        };
        // While the stream is lost, the banner above says it already.
        let error = move || {
            let offline = matches!(live.connection(), Connection::Lost(_));
            list.error
                .get()
                .filter(|error| !(offline && *error == ApiError::Unreachable))
        };
        // By a mouse the focus stays behind: only where it can be seen is it where the viewer is.
        let can_be_seen = |event: web_sys::FocusEvent| {
            let target = event
                .target()
                .and_then(|target| target.dyn_into::<Element>().ok());
            target.is_some_and(|target| target.matches(":focus-visible") == Ok(true))
        };
        let (points, focuses) = (RwSignal::new(false), RwSignal::new(false));
        Effect::new(move || list.stays.set(stays && (points.get() || focuses.get())));
        view! {
            <div
                on:pointerenter=move |_| points.set(true)
                on:pointerleave=move |_| points.set(false)
                on:focusin=move |event| focuses.set(can_be_seen(event))
                on:focusout=move |_| focuses.set(false)
            >
                <Count list focuses />
                {move || error().map(|error| {
                    let is_refused = error.is_refused();
                    let error = Signal::stored(error);
                    if is_refused {
                        // A link from elsewhere, or typed: not all that it asks for has a field above.
                        view! {
                            <Notice error />
                            <p><A href=path attr:id="show-all" attr:class="button small">{i18n.text(|t| t.no_filter)}</A></p>
                        }
                        .into_any()
                    } else {
                        view! { <Notice error meaning=|t| t.not_refreshed /> }.into_any()
                    }
                })}
                {body}
            </div>
            <Pager list path after filtered />
        }
    };
    view! {
        <div class="heading">
            <h1>{i18n.text(title)}</h1>
            <span class="heading-space"></span>
            {actions.map(|actions| actions())}
        </div>
        {toolbar.map(|toolbar| toolbar())}
        {body}
    }
}

/// How many rows are shown, and the button that brings in those that wait.
#[component]
fn Count<T: Row>(list: List<T>, focuses: RwSignal<bool>) -> impl IntoView {
    let shown = move || {
        let rows = list
            .entries
            .with(|entries| entries.as_ref().map(Vec::len))?;
        let more = if list.next.with(Option::is_some) {
            "+"
        } else {
            ""
        };
        Some(view! { <span class="heading-count">{format!("{rows}{more}")}</span> })
    };
    let i18n = use_i18n();
    // The button goes, and the focus with it.
    let bring_in = move |_| {
        focuses.set(false);
        list.bring_in();
    };
    let newcomers = Memo::new(move |_| list.newcomers() as i64);
    view! {
        <div class="list-count">
            {shown}
            <Show when=move || { newcomers.get() > 0 }>
                <button type="button" id="newcomers" class="button small" on:click=bring_in>
                    {move || (i18n.texts().newcomers)(&format::count(newcomers.get()))}
                </button>
            </Show>
        </div>
    }
}

#[component]
fn Table<T: Row>(
    list: List<T>,
    title: fn(&Texts) -> &'static str,
    columns: &'static [Column<T>],
) -> impl IntoView {
    let i18n = use_i18n();
    let entries = move || list.entries.get().unwrap_or_default();
    let head = columns
        .iter()
        .map(|column| {
            let label = i18n.text(column.label);
            let head = match column.head {
                None => label.into_any(),
                Some(head) => view! { <span class="unseen">{label}</span> {head()} }.into_any(),
            };
            view! { <th scope="col" class=column.class>{head}</th> }
        })
        .collect_view();
    // The roles are those the elements have by themselves. On a phone the rows are laid out as cards, and
    // some browsers take that for the end of the table.
    let row = move |entry: Entry<T>| {
        let row = RwSignal::from(entry.row);
        let cells = columns
            .iter()
            .map(|column| {
                view! {
                    <td role="cell" class=column.class data-label=i18n.text(column.label)>
                        {(column.cell)(row)}
                    </td>
                }
            })
            .collect_view();
        view! { <tr role="row">{cells}</tr> }
    };
    view! {
        <div class="table-frame" role="region" aria-label=i18n.text(title) tabindex="0">
            <table role="table">
                <caption class="unseen">{i18n.text(title)}</caption>
                <thead role="rowgroup">
                    <tr role="row">{head}</tr>
                </thead>
                <tbody role="rowgroup">
                    <For each=entries key=|entry| entry.key.clone() children=row />
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Skeleton(columns: usize) -> impl IntoView {
    let i18n = use_i18n();
    let row = move |_| {
        let cells = (0..columns).map(|_| view! { <span></span> }).collect_view();
        view! { <div class="skeleton-row" aria-hidden="true">{cells}</div> }
    };
    view! {
        <div class="table-frame skeleton" aria-busy="true">
            <p class="unseen" role="status">{i18n.text(|t| t.loading)}</p>
            {(0..6).map(row).collect_view()}
        </div>
    }
}

#[component]
fn Emptiness(empty: Empty, is_filtered: bool) -> impl IntoView {
    let i18n = use_i18n();
    if is_filtered {
        return view! {
            <div class="empty">
                <h2>{i18n.text(|t| t.nothing_matches)}</h2>
                <p>{i18n.text(|t| t.nothing_matches_hint)}</p>
            </div>
        }
        .into_any();
    }
    view! {
        <div class="empty">
            <h2>{i18n.text(empty.text)}</h2>
            <p>{i18n.text(empty.hint)}</p>
            <p>
                // Not a page of the console: the browser must ask the server for it.
                <a href="/api/openapi.json" rel="external">{i18n.text(|t| t.api_description)}</a>
            </p>
        </div>
    }
    .into_any()
}

#[component]
fn Pager<T: Row>(
    list: List<T>,
    path: &'static str,
    after: Memo<Option<String>>,
    filtered: Memo<Vec<(String, String)>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let next = move || list.next.get();
    let first_href = move || filtered.with(|filtered| address(path, filtered));
    let next_href = move || {
        let mut query = filtered.get();
        query.push(("after".to_owned(), next().unwrap_or_default()));
        address(path, &query)
    };
    let needed = move || after.with(Option::is_some) || next().is_some();
    view! {
        <Show when=needed>
            <nav class="pager" aria-label=i18n.text(|t| t.pages)>
                <Show when=move || after.with(Option::is_some)>
                    <A href=first_href attr:class="button">{i18n.text(|t| t.first_page)}</A>
                </Show>
                <Show when=move || next().is_some()>
                    <A href=next_href attr:class="button">{i18n.text(|t| t.next_page)}</A>
                </Show>
            </nav>
        </Show>
    }
}

/// The address of a page with its query.
pub(crate) fn address(path: &str, query: &[(String, String)]) -> String {
    let query: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", js_sys::encode_uri_component(value)))
        .collect();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", query.join("&"))
    }
}
