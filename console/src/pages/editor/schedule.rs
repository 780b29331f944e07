//! When the job fires.

use antares_protocol::job::JobSpec;
use antares_protocol::schedule::{DstFold, DstGap};
use chrono::{DateTime, SecondsFormat, Timelike as _, Utc};
use leptos::prelude::*;

use super::compose::Compose;
use super::inputs::{Choice, LengthInput, ReadInput, TextInput, use_draft};
use super::picks::Picks;
use crate::components::field::Field;
use crate::components::json::Wrong;
use crate::i18n::{Label, Texts, use_i18n};

/// Expressions to begin with.
const PRESETS: [(&str, Label); 6] = [
    ("0 * * * * ?", |t| t.editor.each_minute),
    ("0 H * * * ?", |t| t.editor.each_hour),
    ("0 0 3 * * ?", |t| t.editor.each_night),
    ("0 H H(1-5) * * ?", |t| t.editor.some_night),
    ("0 0 8 ? * MON-FRI", |t| t.editor.workdays),
    ("0 0 6 L * ?", |t| t.editor.month_end),
];

/// The part.
#[component]
pub(super) fn Schedule() -> impl IntoView {
    let draft = use_draft();
    let kind = Memo::new(move |_| draft.get(kind_of));
    let is = move |wanted: &'static str| move || kind.get() == wanted;
    view! {
        <Choice
            id="schedule-kind"
            label=|t| t.editor.fires
            field="schedule"
            options=&[
                ("cron", |t| t.editor.by_cron, |t| t.editor.by_cron_hint),
                ("rate", |t| t.editor.by_rate, |t| t.editor.by_rate_hint),
                ("delay", |t| t.editor.by_delay, |t| t.editor.by_delay_hint),
                ("at", |t| t.editor.at_instants, |t| t.editor.at_instants_hint),
                ("demand", |t| t.on_demand, |t| t.editor.on_demand_hint),
            ]
            get=kind_of
            set=set_kind
        />
        <Show when=is("cron")>
            <Cron />
        </Show>
        <Show when=is("rate")>
            <LengthInput
                id="fixed-rate"
                label=|t| t.editor.rate
                field="fixed_rate_ms"
                get=|spec| spec.fixed_rate_ms.unwrap_or_default()
                set=|spec, n| spec.fixed_rate_ms = Some(n)
            />
        </Show>
        <Show when=is("delay")>
            <LengthInput
                id="fixed-delay"
                label=|t| t.editor.delay
                field="fixed_delay_ms"
                get=|spec| spec.fixed_delay_ms.unwrap_or_default()
                set=|spec, n| spec.fixed_delay_ms = Some(n)
            />
        </Show>
        <Show when=is("at")>
            <ReadInput
                id="at"
                label=|t| t.editor.instants
                hint=|t| t.editor.instants_hint
                field="at"
                get=listed
                read=instants
                set=|spec, at| spec.at = at
            />
        </Show>
        <Show when=move || kind.get() != "demand">
            <Instant
                id="start-at"
                label=|t| t.editor.start_at
                field="start_at"
                get=|spec| spec.start_at
                set=|spec, at| spec.start_at = at
            />
            <Instant
                id="end-at"
                label=|t| t.editor.end_at
                field="end_at"
                get=|spec| spec.end_at
                set=|spec, at| spec.end_at = at
            />
        </Show>
        <Show when=move || !matches!(kind.get(), "demand" | "delay")>
            <LengthInput
                id="jitter"
                label=|t| t.editor.jitter
                hint=|t| t.editor.jitter_hint
                field="jitter_ms"
                get=|spec| spec.jitter_ms
                set=|spec, n| spec.jitter_ms = n
            />
        </Show>
        <Calendars />
    }
}

/// Calendars that keep ticks in or out.
#[component]
fn Calendars() -> impl IntoView {
    view! {
        <div class="picked">
        <TextInput
            id="include-calendars"
            label=|t| t.editor.include
            hint=|t| t.editor.calendars_hint
            field="include_calendars"
            get=|spec| spec.include_calendars.join(", ")
            set=|spec, text| spec.include_calendars = names(&text)
        />
        <Picks
            path="/api/v1/calendars?limit=500"
            name="/spec/name"
            get=|spec| spec.include_calendars.clone()
            set=|spec, names| spec.include_calendars = names
        />
        </div>
        <div class="picked">
        <TextInput
            id="exclude-calendars"
            label=|t| t.editor.exclude
            hint=|t| t.editor.calendars_hint
            field="exclude_calendars"
            get=|spec| spec.exclude_calendars.join(", ")
            set=|spec, text| spec.exclude_calendars = names(&text)
        />
        <Picks
            path="/api/v1/calendars?limit=500"
            name="/spec/name"
            get=|spec| spec.exclude_calendars.clone()
            set=|spec, names| spec.exclude_calendars = names
        />
        </div>
    }
}

/// The expression, its zone, and what becomes of times at which the clocks change.
#[component]
fn Cron() -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let presets = PRESETS
        .into_iter()
        .map(|(cron, name)| {
            let take = move |_| draft.set(|spec| spec.cron = Some(cron.to_owned()));
            view! {
                <button type="button" class="button small" title=cron on:click=take>{i18n.text(name)}</button>
            }
        })
        .collect_view();
    let zones = zones()
        .into_iter()
        .map(|zone| view! { <option value=zone></option> })
        .collect_view();
    view! {
        <div class="field field-wide">
            <div class="buttons" role="group" aria-label=i18n.text(|t| t.editor.presets)>{presets}</div>
        </div>
        <Compose />
        <TextInput
            id="cron"
            label=|t| t.editor.cron
            hint=|t| t.editor.cron_hint
            field="cron"
            get=|spec| spec.cron.clone().unwrap_or_default()
            set=|spec, text| spec.cron = Some(text)
        />
        <TextInput
            id="time-zone"
            label=|t| t.editor.time_zone
            field="time_zone"
            list="zones"
            get=|spec| spec.time_zone.clone()
            set=|spec, text| spec.time_zone = text
        />
        <datalist id="zones">{zones}</datalist>
        <Choice
            id="dst-gap"
            label=|t| t.editor.gap
            field="dst_gap"
            options=&[
                ("skip", |t| t.editor.gap_skip, |t| t.editor.gap_skip_hint),
                ("after", |t| t.editor.gap_after, |t| t.editor.gap_after_hint),
                ("shift", |t| t.editor.gap_shift, |t| t.editor.gap_shift_hint),
            ]
            get=|spec| match spec.dst_gap {
                DstGap::Skip => "skip",
                DstGap::After => "after",
                DstGap::Shift => "shift",
            }
            set=|spec, value| spec.dst_gap = match value {
                "after" => DstGap::After,
                "shift" => DstGap::Shift,
                _ => DstGap::Skip,
            }
        />
        <Choice
            id="dst-fold"
            label=|t| t.editor.fold
            field="dst_fold"
            options=&[
                ("last", |t| t.editor.fold_last, |t| t.editor.fold_last_hint),
                ("first", |t| t.editor.fold_first, |t| t.editor.fold_first_hint),
                ("both", |t| t.editor.fold_both, |t| t.editor.fold_both_hint),
            ]
            get=|spec| match spec.dst_fold {
                DstFold::First => "first",
                DstFold::Last => "last",
                DstFold::Both => "both",
            }
            set=|spec, value| spec.dst_fold = match value {
                "first" => DstFold::First,
                "both" => DstFold::Both,
                _ => DstFold::Last,
            }
        />
    }
}

/// An instant, which is typed in UTC.
#[component]
fn Instant(
    id: &'static str,
    label: fn(&Texts) -> &'static str,
    field: &'static str,
    get: fn(&JobSpec) -> Option<DateTime<Utc>>,
    set: fn(&mut JobSpec, Option<DateTime<Utc>>),
) -> impl IntoView {
    let draft = use_draft();
    let value = move || {
        let at = draft.get(get);
        at.map(|at| at.format("%Y-%m-%dT%H:%M:%S").to_string())
            .unwrap_or_default()
    };
    let typed = move |event| {
        let text = event_target_value(&event);
        draft.set(|spec| {
            set(
                spec,
                (format!("{text}Z").parse().ok()).or_else(|| format!("{text}:00Z").parse().ok()),
            );
        });
    };
    // Of an instant that lacks its day or its time the browser tells nothing but that it is none.
    let i18n = use_i18n();
    let is_half = RwSignal::new(false);
    let left = move |event: leptos::ev::FocusEvent| {
        let input = event_target::<web_sys::HtmlInputElement>(&event);
        is_half.set(input.validity().bad_input());
        draft.note(field, is_half.get_untracked().then(String::new));
    };
    on_cleanup(move || draft.note(field, None));
    view! {
        <Field id label field error=draft.error>
            <input id=id type="datetime-local" step="1" prop:value=value on:change=typed on:blur=left />
            {move || is_half.get().then(|| view! {
                <p class="field-error" role="alert">{i18n.text(|t| t.editor.half_instant)}</p>
            })}
        </Field>
    }
}

fn listed(spec: &JobSpec) -> String {
    let lines: Vec<String> = (spec.at.iter())
        .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
        .collect();
    lines.join("\n")
}

/// Instants, one in a line; at least one.
fn instants(text: &str) -> Result<Vec<DateTime<Utc>>, Wrong> {
    let parts = text.split([',', '\n']).map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Err(Box::new(|t| t.editor.no_instants.to_owned()));
    }
    let read = parts.into_iter().map(|part| {
        part.parse().map_err(|_| -> Wrong {
            let part = part.to_owned();
            Box::new(move |t| (t.editor.no_instant)(&part))
        })
    });
    read.collect()
}

/// Names, between commas.
pub(super) fn names(text: &str) -> Vec<String> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Zones that the browser knows.
fn zones() -> Vec<String> {
    let all = js_sys::Reflect::get(&js_sys::global(), &"Intl".into())
        .and_then(|intl| {
            let method = js_sys::Reflect::get(&intl, &"supportedValuesOf".into())?;
            let method: js_sys::Function = wasm_bindgen::JsCast::dyn_into(method)?;
            method.call1(&intl, &"timeZone".into())
        })
        .map(|all| js_sys::Array::from(&all))
        .unwrap_or_default();
    let zones = all.iter().filter_map(|zone| zone.as_string());
    std::iter::once("UTC".to_owned()).chain(zones).collect()
}

fn kind_of(spec: &JobSpec) -> &'static str {
    if spec.cron.is_some() {
        "cron"
    } else if spec.fixed_rate_ms.is_some() {
        "rate"
    } else if spec.fixed_delay_ms.is_some() {
        "delay"
    } else if spec.at.is_empty() {
        "demand"
    } else {
        "at"
    }
}

fn set_kind(spec: &mut JobSpec, kind: &str) {
    (spec.cron, spec.fixed_rate_ms, spec.fixed_delay_ms) = (None, None, None);
    spec.at.clear();
    match kind {
        "cron" => spec.cron = Some("0 0 3 * * ?".to_owned()),
        "rate" => spec.fixed_rate_ms = Some(3_600_000),
        "delay" => {
            spec.fixed_delay_ms = Some(60_000);
            spec.jitter_ms = 0;
        }
        "at" => {
            spec.at = {
                let now = crate::hooks::clock::now() + chrono::TimeDelta::hours(1);
                vec![now.with_nanosecond(0).unwrap_or(now)]
            }
        }
        _ => {
            // Fields that are not shown must not be what is refused.
            spec.jitter_ms = 0;
            (spec.start_at, spec.end_at) = (None, None);
        }
    }
}
