//! What becomes of ticks that cannot fire as they should, and which jobs the job follows.

use std::collections::BTreeSet;

use antares_protocol::job::{Job, JobSpec};
use antares_protocol::page::Page;
use antares_protocol::policy::{Dependency, DependencyOn, Join, Pass};
use antares_protocol::schedule::{Misfire, Overlap};
use leptos::prelude::*;

use super::inputs::{Choice, LengthInput, NumberInput, use_draft};
use crate::api;
use crate::components::field::{Field, complaint};
use crate::i18n::{Label, use_i18n};

/// Overlap and misfire.
#[component]
pub(super) fn OverlapMisfire() -> impl IntoView {
    let draft = use_draft();
    let overlap = Memo::new(move |_| draft.get(overlap_of));
    let is_all = Memo::new(move |_| draft.get(|spec| matches!(spec.misfire, Misfire::All { .. })));
    view! {
        <Choice
            id="overlap"
            label=|t| t.editor.overlap
            field="overlap"
            parts=&["overlap.queue", "overlap.allow"]
            options=&[
                ("skip", |t| t.editor.overlap_skip, |t| t.editor.overlap_skip_hint),
                ("queue", |t| t.editor.overlap_queue, |t| t.editor.overlap_queue_hint),
                ("replace", |t| t.editor.overlap_replace, |t| t.editor.overlap_replace_hint),
                ("allow", |t| t.editor.overlap_allow, |t| t.editor.overlap_allow_hint),
            ]
            get=overlap_of
            set=|spec, kind| spec.overlap = match kind {
                "queue" => Overlap::Queue(1),
                "replace" => Overlap::Replace,
                "allow" => Overlap::Allow(2),
                _ => Overlap::Skip,
            }
        />
        <Show when=move || matches!(overlap.get(), "queue" | "allow")>
            <NumberInput
                id="overlap-number"
                label=|t| t.editor.overlap_number
                field="overlap"
                min=1
                max=1000
                get=|spec| match spec.overlap {
                    Overlap::Queue(n) | Overlap::Allow(n) => i64::from(n),
                    _ => 0,
                }
                set=|spec, number| match &mut spec.overlap {
                    Overlap::Queue(n) | Overlap::Allow(n) => *n = number as u32,
                    _ => {}
                }
            />
        </Show>
        <Choice
            id="misfire"
            label=|t| t.editor.misfire
            field="misfire"
            parts=&["misfire.all.max", "misfire.all.window_ms"]
            options=&[
                ("latest", |t| t.editor.misfire_latest, |t| t.editor.misfire_latest_hint),
                ("ignore", |t| t.editor.misfire_ignore, |t| t.editor.misfire_ignore_hint),
                ("all", |t| t.editor.misfire_all, |t| t.editor.misfire_all_hint),
            ]
            get=|spec| match spec.misfire {
                Misfire::Latest => "latest",
                Misfire::Ignore => "ignore",
                Misfire::All { .. } => "all",
            }
            set=|spec, kind| spec.misfire = match kind {
                "ignore" => Misfire::Ignore,
                "all" => Misfire::All { max: 10, window_ms: 0 },
                _ => Misfire::Latest,
            }
        />
        <Show when=move || is_all.get()>
            <NumberInput
                id="misfire-max"
                label=|t| t.editor.misfire_max
                field="misfire.all.max"
                min=1
                max=1000
                get=|spec| match spec.misfire {
                    Misfire::All { max, .. } => i64::from(max),
                    _ => 0,
                }
                set=|spec, n| if let Misfire::All { max, .. } = &mut spec.misfire {
                    *max = n as u32;
                }
            />
            <LengthInput
                id="misfire-window"
                label=|t| t.editor.misfire_window
                hint=|t| t.editor.no_limit
                field="misfire.all.window_ms"
                get=|spec| match spec.misfire {
                    Misfire::All { window_ms, .. } => window_ms,
                    _ => 0,
                }
                set=|spec, n| if let Misfire::All { window_ms, .. } = &mut spec.misfire {
                    *window_ms = n;
                }
            />
        </Show>
    }
}

fn overlap_of(spec: &JobSpec) -> &'static str {
    match spec.overlap {
        Overlap::Skip => "skip",
        Overlap::Queue(_) => "queue",
        Overlap::Replace => "replace",
        Overlap::Allow(_) => "allow",
    }
}

const ON: [(DependencyOn, Label); 4] = [
    (DependencyOn::Success, |t| t.editor.on_success),
    (DependencyOn::Failure, |t| t.editor.on_failure),
    (DependencyOn::Completion, |t| t.editor.on_completion),
    (DependencyOn::Always, |t| t.editor.on_always),
];

const PASS: [(Pass, Label); 3] = [
    (Pass::Nothing, |t| t.editor.pass_nothing),
    (Pass::Param, |t| t.editor.pass_param),
    (Pass::Outputs, |t| t.editor.pass_outputs),
];

/// The jobs that it follows.
#[component]
pub(super) fn Dependencies() -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let count = Memo::new(move |_| draft.get(|spec| spec.depends_on.len()));
    let jobs =
        LocalResource::new(|| async { api::get::<Page<Job>>("/api/v1/jobs?limit=500").await.ok() });
    let names = move || {
        let page = jobs.get().flatten()?;
        let names: BTreeSet<String> = page.items.into_iter().map(|job| job.spec.name).collect();
        Some(
            names
                .into_iter()
                .map(|name| view! { <option value=name></option> })
                .collect_view(),
        )
    };
    let add = move |_| {
        draft.set(|spec| {
            spec.depends_on.push(Dependency {
                app: None,
                job: String::new(),
                on: DependencyOn::Success,
                pass: Pass::Nothing,
            });
        });
    };
    // What is wrong with one of them stands below it.
    let error = Signal::derive(move || {
        let error = draft.error.get();
        error.filter(|error| error.field() == Some("depends_on"))
    });
    view! {
        <Field
            id="depends-on"
            label=|t| t.editor.depends_on
            hint=|t| t.editor.depends_on_hint
            field="depends_on"
            error
        >
            <datalist id="job-names">{names}</datalist>
            <div id="depends-on" class="dependencies">
                <For each=move || 0..count.get() key=|index| *index children=move |index| view! { <Row index /> } />
            </div>
            <div class="buttons">
                <button type="button" id="add-dependency" class="button small" on:click=add>
                    {i18n.text(|t| t.editor.add)}
                </button>
            </div>
        </Field>
        <Show when=move || { count.get() > 1 }>
            <Choice
                id="join"
                label=|t| t.editor.join
                field="join"
                options=&[
                    ("all", |t| t.editor.join_all, |t| t.editor.join_all_hint),
                    ("any", |t| t.editor.join_any, |t| t.editor.join_any_hint),
                ]
                get=|spec| match spec.join {
                    Join::All => "all",
                    Join::Any => "any",
                }
                set=|spec, kind| spec.join = if kind == "any" { Join::Any } else { Join::All }
            />
        </Show>
    }
}

#[component]
fn Row(index: usize) -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let read = move |pick: fn(&Dependency) -> String| {
        move || draft.get(|spec| spec.depends_on.get(index).map(pick).unwrap_or_default())
    };
    let change = move |change: Box<dyn FnOnce(&mut Dependency)>| {
        draft.set(|spec| {
            if let Some(dependency) = spec.depends_on.get_mut(index) {
                change(dependency);
            }
        });
    };
    let on = Memo::new(move |_| draft.get(|spec| Some(spec.depends_on.get(index)?.on)));
    let pass = Memo::new(move |_| draft.get(|spec| Some(spec.depends_on.get(index)?.pass)));
    let ons = ON
        .into_iter()
        .enumerate()
        .map(|(place, (value, name))| {
            view! {
                <option value=place.to_string() prop:selected=move || on.get() == Some(value)>{i18n.text(name)}</option>
            }
        })
        .collect_view();
    let passes = PASS
        .into_iter()
        .enumerate()
        .map(|(place, (value, name))| {
            view! {
                <option value=place.to_string() prop:selected=move || pass.get() == Some(value)>{i18n.text(name)}</option>
            }
        })
        .collect_view();
    let place = |event| {
        event_target_value(&event)
            .parse::<usize>()
            .unwrap_or_default()
    };
    let wrong = move || {
        let field = format!("depends_on[{index}]");
        draft
            .error
            .with(|error| complaint(error.as_ref()?, &field, i18n.texts()))
    };
    view! {
        <div class="dependency">
            <input
                aria-label=i18n.text(|t| t.editor.other_app)
                placeholder=i18n.text(|t| t.editor.other_app)
                prop:value=read(|d| d.app.clone().unwrap_or_default())
                on:input=move |event| {
                    let text = event_target_value(&event);
                    change(Box::new(move |d| d.app = (!text.is_empty()).then_some(text)));
                }
            />
            <input
                aria-label=i18n.text(|t| t.job)
                placeholder=i18n.text(|t| t.job)
                list="job-names"
                prop:value=read(|d| d.job.clone())
                on:input=move |event| {
                    let text = event_target_value(&event);
                    change(Box::new(move |d| d.job = text));
                }
            />
            <select
                aria-label=i18n.text(|t| t.editor.on_end)
                on:change=move |event| {
                    let (value, _) = ON[place(event).min(ON.len() - 1)];
                    change(Box::new(move |d| d.on = value));
                }
            >
                {ons}
            </select>
            <select
                aria-label=i18n.text(|t| t.editor.pass)
                on:change=move |event| {
                    let (value, _) = PASS[place(event).min(PASS.len() - 1)];
                    change(Box::new(move |d| d.pass = value));
                }
            >
                {passes}
            </select>
            <button
                type="button"
                class="button small"
                on:click=move |_| draft.set(|spec| _ = spec.depends_on.remove(index))
            >
                {i18n.text(|t| t.editor.remove)}
            </button>
            {move || wrong().map(|text| view! { <p class="field-error" role="alert">{text}</p> })}
        </div>
    }
}
