//! What a failure means, who runs the job, and how much of it at once.

use antares_protocol::job::JobSpec;
use antares_protocol::policy::{Assignment, Backoff, Chosen, NoClient, Retry};
use leptos::prelude::*;

use super::inputs::{Check, Choice, LengthInput, NumberInput, ReadInput, TextInput, use_draft};
use super::picks::Picks;
use super::schedule::names;
use crate::components::json::Wrong;

/// What becomes of failures.
#[component]
pub(super) fn Failures() -> impl IntoView {
    let draft = use_draft();
    let retries = Memo::new(move |_| draft.get(|spec| spec.retry.is_some()));
    let grows = Memo::new(move |_| {
        draft.get(|spec| {
            spec.retry
                .is_some_and(|retry| retry.backoff == Backoff::Exponential)
        })
    });
    view! {
        <NumberInput
            id="max-attempts"
            label=|t| t.editor.max_attempts
            hint=|t| t.editor.max_attempts_hint
            field="max_attempts"
            min=1
            max=1000
            get=|spec| i64::from(spec.max_attempts)
            set=|spec, n| spec.max_attempts = n as u16
        />
        <Choice
            id="retry"
            label=|t| t.editor.retry
            field="retry"
            parts=&["retry.delay_ms", "retry.jitter_percent", "retry.max_delay_ms"]
            options=&[
                ("no", |t| t.editor.retry_no, |t| t.editor.retry_no_hint),
                ("fixed", |t| t.editor.retry_fixed, |t| t.editor.retry_fixed_hint),
                ("exponential", |t| t.editor.retry_exponential, |t| t.editor.retry_exponential_hint),
            ]
            get=|spec| match spec.retry {
                None => "no",
                Some(Retry { backoff: Backoff::Fixed, .. }) => "fixed",
                Some(_) => "exponential",
            }
            set=set_retry
        />
        <Show when=move || retries.get()>
            <LengthInput
                id="retry-delay"
                label=|t| t.editor.retry_delay
                field="retry.delay_ms"
                get=|spec| spec.retry.map_or(0, |retry| retry.delay_ms)
                set=|spec, n| if let Some(retry) = &mut spec.retry { retry.delay_ms = n }
            />
            <NumberInput
                id="retry-jitter"
                label=|t| t.editor.retry_jitter
                field="retry.jitter_percent"
                max=100
                get=|spec| spec.retry.map_or(0, |retry| i64::from(retry.jitter_percent))
                set=|spec, n| if let Some(retry) = &mut spec.retry { retry.jitter_percent = n as u8 }
            />
        </Show>
        <Show when=move || grows.get()>
            <LengthInput
                id="retry-max"
                label=|t| t.editor.retry_max
                field="retry.max_delay_ms"
                get=|spec| spec.retry.map_or(0, |retry| retry.max_delay_ms)
                set=|spec, n| if let Some(retry) = &mut spec.retry { retry.max_delay_ms = n }
            />
        </Show>
        <NumberInput
            id="allowed-failures"
            label=|t| t.editor.allowed_failures
            hint=|t| t.editor.allowed_failures_hint
            field="allowed_failures"
            max=100_000
            get=|spec| i64::from(spec.allowed_failures)
            set=|spec, n| spec.allowed_failures = n as u32
        />
        <Check
            id="cancel-on-failure"
            label=|t| t.editor.cancel_on_failure
            get=|spec| spec.cancel_on_failure
            set=|spec, on| spec.cancel_on_failure = on
        />
        <LengthInput
            id="shard-timeout"
            label=|t| t.editor.shard_timeout
            hint=|t| t.editor.timeout_hint
            field="shard_timeout_ms"
            get=|spec| spec.shard_timeout_ms
            set=|spec, n| spec.shard_timeout_ms = n
        />
        <LengthInput
            id="instance-timeout"
            label=|t| t.editor.instance_timeout
            hint=|t| t.editor.timeout_hint
            field="instance_timeout_ms"
            get=|spec| spec.instance_timeout_ms
            set=|spec, n| spec.instance_timeout_ms = n
        />
    }
}

fn set_retry(spec: &mut JobSpec, kind: &str) {
    let backoff = match kind {
        "fixed" => Backoff::Fixed,
        "exponential" => Backoff::Exponential,
        _ => {
            spec.retry = None;
            return;
        }
    };
    let now = spec.retry.unwrap_or(Retry {
        delay_ms: 10_000,
        backoff,
        max_delay_ms: 3_600_000,
        jitter_percent: 0,
    });
    spec.retry = Some(Retry { backoff, ..now });
}

/// Who runs it, and how much at once.
#[component]
pub(super) fn Who() -> impl IntoView {
    let draft = use_draft();
    let is_chosen =
        Memo::new(move |_| draft.get(|spec| matches!(spec.assignment, Assignment::Chosen(_))));
    view! {
        <Choice
            id="assignment"
            label=|t| t.editor.assignment
            field="assignment"
            parts=&["assignment.chosen.hosts", "assignment.chosen.ips", "assignment.chosen.labels"]
            options=&[
                ("any", |t| t.editor.assign_any, |t| t.editor.assign_any_hint),
                ("chosen", |t| t.editor.assign_chosen, |t| t.editor.assign_chosen_hint),
                ("nobody", |t| t.editor.assign_nobody, |t| t.editor.assign_nobody_hint),
            ]
            get=|spec| match spec.assignment {
                Assignment::Any => "any",
                Assignment::Nobody => "nobody",
                Assignment::Chosen(_) => "chosen",
            }
            set=|spec, kind| spec.assignment = match kind {
                "nobody" => Assignment::Nobody,
                "chosen" => Assignment::Chosen(Chosen::default()),
                _ => Assignment::Any,
            }
        />
        <Show when=move || is_chosen.get()>
            <ChosenClients />
        </Show>
        <Choice
            id="no-client"
            label=|t| t.editor.no_client
            field="no_client"
            options=&[
                ("wait", |t| t.editor.no_client_wait, |t| t.editor.no_client_wait_hint),
                ("skip", |t| t.editor.no_client_skip, |t| t.editor.no_client_skip_hint),
            ]
            get=|spec| match spec.no_client {
                NoClient::Wait => "wait",
                NoClient::Skip => "skip",
            }
            set=|spec, kind| spec.no_client = if kind == "skip" { NoClient::Skip } else { NoClient::Wait }
        />
        <NumberInput
            id="priority"
            label=|t| t.editor.priority
            hint=|t| t.editor.priority_hint
            field="priority"
            min=-1000
            max=1000
            get=|spec| i64::from(spec.priority)
            set=|spec, n| spec.priority = n as i16
        />
        <NumberInput
            id="max-running"
            label=|t| t.editor.max_running
            hint=|t| t.editor.no_limit
            field="max_running_shards"
            max=1_000_000
            get=|spec| i64::from(spec.max_running_shards)
            set=|spec, n| spec.max_running_shards = n as u32
        />
        <div class="picked">
        <TextInput
            id="limits"
            label=|t| t.editor.limits
            hint=|t| t.editor.limits_hint
            field="limits"
            get=|spec| spec.limits.join(", ")
            set=|spec, text| spec.limits = names(&text)
        />
        <Picks
            path="/api/v1/limits?limit=500"
            name="/name"
            get=|spec| spec.limits.clone()
            set=|spec, names| spec.limits = names
        />
        </div>
    }
}

/// The clients it is assigned to.
#[component]
fn ChosenClients() -> impl IntoView {
    view! {
            <div class="picked">
            <TextInput
                id="hosts"
                label=|t| t.editor.hosts
                hint=|t| t.editor.commas
                field="assignment.chosen.hosts"
                get=|spec| chosen(spec, |chosen| chosen.hosts.join(", "))
                set=|spec, text| change(spec, |chosen| chosen.hosts = names(&text))
            />
            <Picks
                path="/api/v1/clients?limit=500"
                name="/host"
                get=|spec| match &spec.assignment {
                    Assignment::Chosen(chosen) => chosen.hosts.clone(),
                    _ => Vec::new(),
                }
                set=|spec, names| change(spec, |chosen| chosen.hosts = names)
            />
            </div>
            <TextInput
                id="ips"
                label=|t| t.editor.ips
                hint=|t| t.editor.commas
                field="assignment.chosen.ips"
                get=|spec| chosen(spec, |chosen| chosen.ips.join(", "))
                set=|spec, text| change(spec, |chosen| chosen.ips = names(&text))
            />
            <ReadInput
                id="labels"
                label=|t| t.editor.labels
                hint=|t| t.editor.labels_hint
                field="assignment.chosen.labels"
                get=|spec| chosen(spec, |chosen| {
                    let labels = chosen.labels.iter().map(|(name, value)| format!("{name}={value}"));
                    labels.collect::<Vec<_>>().join(", ")
                })
                read=read_labels
                set=|spec, labels| change(spec, |chosen| chosen.labels = labels.into_iter().collect())
            />
    }
}

/// Reads `name=value` between commas. One that is no such thing would be left out, and the job run where it must not.
fn read_labels(text: &str) -> Result<Vec<(String, String)>, Wrong> {
    let read = |part: &String| {
        let (name, value) = part.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    };
    let parts = names(text);
    let labels: Result<Vec<_>, String> = parts
        .iter()
        .map(|part| read(part).ok_or_else(|| part.clone()))
        .collect();
    let labels =
        labels.map_err(|part| -> Wrong { Box::new(move |t| (t.editor.no_label)(&part)) })?;
    let is_twice = |(at, (name, _)): (usize, &(String, String))| {
        let mut before = labels[..at].iter();
        before.any(|(other, _)| other == name).then(|| name.clone())
    };
    match labels.iter().enumerate().find_map(is_twice) {
        Some(name) => Err(Box::new(move |t| (t.editor.label_twice)(&name))),
        None => Ok(labels),
    }
}

fn chosen(spec: &JobSpec, read: impl FnOnce(&Chosen) -> String) -> String {
    match &spec.assignment {
        Assignment::Chosen(chosen) => read(chosen),
        _ => String::new(),
    }
}

fn change(spec: &mut JobSpec, change: impl FnOnce(&mut Chosen)) {
    if let Assignment::Chosen(chosen) = &mut spec.assignment {
        change(chosen);
    }
}
