//! Which job follows which: a drawing in layers, and the same as a list.

mod layers;

use antares_protocol::overview::DependencyGraph;
use antares_protocol::policy::{DependencyOn, Join};
use leptos::prelude::*;
use leptos_router::components::A;

use crate::components::badge::{Badge, State as _};
use crate::components::notice::Notice;
use crate::hooks::current::use_current;
use crate::hooks::live::Topic;
use crate::i18n::{I18n, Texts, use_i18n};
use crate::pages::use_title;
use layers::{HEIGHT, WIDTH, layout};

/// The page.
#[component]
pub(crate) fn Dependencies() -> impl IntoView {
    use_title(|t| t.graph.title);
    let i18n = use_i18n();
    let current = use_current::<DependencyGraph>(Topic::Jobs, "/api/v1/dependencies".to_owned());
    let body = move || {
        let graph = current.value.get()?;
        Some(if graph.edges.is_empty() {
            view! {
                <div class="empty">
                    <h2>{i18n.text(|t| t.graph.none)}</h2>
                    <p>{i18n.text(|t| t.graph.none_hint)}</p>
                </div>
            }
            .into_any()
        } else {
            let cut = graph
                .is_cut
                .then(|| view! { <p class="second">{i18n.text(|t| t.graph.cut)}</p> });
            view! {
                {cut}
                <Drawing graph=graph.clone() />
                <List graph />
            }
            .into_any()
        })
    };
    view! {
        <div class="heading"><h1>{i18n.text(|t| t.graph.title)}</h1></div>
        {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        {body}
    }
}

/// How the first must end.
fn on(i18n: I18n, on: DependencyOn) -> &'static str {
    let texts = &i18n.texts().editor;
    match on {
        DependencyOn::Success => texts.on_success,
        DependencyOn::Failure => texts.on_failure,
        DependencyOn::Completion => texts.on_completion,
        DependencyOn::Always => texts.on_always,
    }
}

/// The drawing. Each box leads to its job.
#[component]
pub(crate) fn Drawing(
    graph: DependencyGraph,
    /// The job that the page is about, if it is about one.
    #[prop(optional)]
    of: Option<i64>,
) -> impl IntoView {
    let i18n = use_i18n();
    let ids: Vec<i64> = graph.jobs.iter().map(|job| job.id).collect();
    let pairs: Vec<(i64, i64)> = graph
        .edges
        .iter()
        .map(|edge| (edge.from, edge.to))
        .collect();
    let (places, width, height) = layout(&ids, &pairs);
    let edges = graph
        .edges
        .iter()
        .filter_map(|edge| {
            let (from, to) = (places.get(&edge.from)?, places.get(&edge.to)?);
            let (x1, y1) = (from.0 + WIDTH, from.1 + HEIGHT / 2.0);
            let (x2, y2) = (to.0, to.1 + HEIGHT / 2.0);
            let middle = f64::midpoint(x1, x2);
            let (class, end) = match edge.on {
                DependencyOn::Success => ("edge good", "url(#arrow-good)"),
                DependencyOn::Failure => ("edge bad", "url(#arrow-bad)"),
                DependencyOn::Completion | DependencyOn::Always => ("edge", "url(#arrow)"),
            };
            Some(view! {
                <g>
                    <title>{let on_end = edge.on; move || on(i18n, on_end)}</title>
                    <path class=class marker-end=end d=format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}") />
                </g>
            })
        })
        .collect_view();
    let nodes = graph
        .jobs
        .iter()
        .filter_map(|job| {
            let (x, y) = *places.get(&job.id)?;
            let tone = job.state.badge().0.name();
            let class = if of == Some(job.id) {
                format!("node own {tone}")
            } else {
                format!("node {tone}")
            };
            let title = format!("{} · {}", job.job, job.app);
            Some(view! {
                // Within a `g` it is an anchor of SVG, not of HTML.
                <g>
                <a href=format!("/jobs/{}", job.id)>
                    <title>{title}</title>
                    <rect class=class x=x y=y width=WIDTH height=HEIGHT rx="6" />
                    <text x=x + 10.0 y=y + 18.0 class="node-name">{short(&job.job)}</text>
                    <text x=x + 10.0 y=y + 34.0 class="node-app">{short(&job.app)}</text>
                </a>
                </g>
            })
        })
        .collect_view();
    view! {
        <div class="graph" tabindex="0" role="region" aria-label=i18n.text(|t| t.graph.title)>
            <svg viewBox=format!("0 0 {width} {height}") style:width=format!("{width}px") style:height=format!("{height}px")>
                <defs>{ARROWS.map(arrow).into_iter().collect_view()}</defs>
                {edges}
                {nodes}
            </svg>
        </div>
    }
}

/// Heads of the arrows, a class for each colour.
const ARROWS: [(&str, &str); 3] = [
    ("arrow", "arrow"),
    ("arrow-good", "arrow good"),
    ("arrow-bad", "arrow bad"),
];

fn arrow((id, class): (&'static str, &'static str)) -> impl IntoView {
    view! {
        <marker id=id class=class viewBox="0 0 10 10" refX="10" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">
            <path d="M0 0L10 5L0 10z" />
        </marker>
    }
}

/// What fits into a box; its title has all.
fn short(name: &str) -> String {
    if name.chars().count() <= 22 {
        return name.to_owned();
    }
    name.chars().take(21).chain(['…']).collect()
}

#[component]
fn List(graph: DependencyGraph) -> impl IntoView {
    let i18n = use_i18n();
    let job = |id: i64| graph.jobs.iter().find(|job| job.id == id).cloned();
    let rows = graph
        .edges
        .iter()
        .filter_map(|edge| {
            let (from, to) = (job(edge.from)?, job(edge.to)?);
            let join = i18n.text(match edge.join {
                Join::All => |t: &Texts| t.editor.join_all,
                Join::Any => |t: &Texts| t.editor.join_any,
            });
            let on_end = edge.on;
            let state = to.state;
            Some(view! {
                <tr>
                    <td class="wide" data-label=i18n.text(|t| t.graph.first)>
                        <A href=format!("/jobs/{}", from.id)>{from.job}</A> <span class="second">{from.app}</span>
                    </td>
                    <td data-label=i18n.text(|t| t.editor.on_end)>{move || on(i18n, on_end)}</td>
                    <td data-label=i18n.text(|t| t.graph.then)>
                        <A href=format!("/jobs/{}", to.id)>{to.job}</A> <span class="second">{to.app}</span>
                    </td>
                    <td data-label=i18n.text(|t| t.editor.join)>{join}</td>
                    <td data-label=i18n.text(|t| t.state)><Badge state=move || state /></td>
                </tr>
            })
        })
        .collect_view();
    view! {
        <h2 class="section">{i18n.text(|t| t.graph.list)}</h2>
        <div class="table-frame" role="region" aria-label=i18n.text(|t| t.graph.list) tabindex="0">
            <table>
                <thead>
                    <tr>
                        <th scope="col">{i18n.text(|t| t.graph.first)}</th>
                        <th scope="col">{i18n.text(|t| t.editor.on_end)}</th>
                        <th scope="col">{i18n.text(|t| t.graph.then)}</th>
                        <th scope="col">{i18n.text(|t| t.editor.join)}</th>
                        <th scope="col">{i18n.text(|t| t.state)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}
