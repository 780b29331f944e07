//! What a calendar is and holds, to be typed.

use antares_protocol::problem::{Problem, ProblemKind};
use antares_protocol::schedule::{Calendar, CalendarSpec, UpdateCalendar};
use gloo_net::http::Method;
use leptos::prelude::*;

use super::lines::{read_dates, read_spans, read_weekly, show_dates, show_spans, show_weekly};
use crate::api::{self, ApiError};
use crate::components::field::Field;
use crate::components::form::FormEnd;
use crate::hooks::act::use_act;
use crate::hooks::live::Topic;
use crate::i18n::{Label, use_i18n};

/// The form of a new calendar, or of one that is there.
#[component]
pub(super) fn Form(
    open: RwSignal<bool>,
    #[prop(optional)] of: Option<RwSignal<Calendar>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let act = use_act();
    let is_new = of.is_none();
    // The version that is shown, not one that others make meanwhile.
    let opened = of.map(|calendar| calendar.with_untracked(|c| (c.id, c.version)));
    let spec = of.map(|calendar| calendar.with_untracked(|c| c.spec.clone()));
    let line = |pick: fn(&CalendarSpec) -> String, else_: &str| {
        RwSignal::new(spec.as_ref().map_or_else(|| else_.to_owned(), pick))
    };
    let name = line(|spec| spec.name.clone(), "");
    let description = line(|spec| spec.description.clone(), "");
    let zone = line(|spec| spec.time_zone.clone(), "UTC");
    let dates = line(|spec| show_dates(&spec.dates), "");
    let weekly = line(|spec| show_weekly(&spec.weekly), "");
    let spans = line(|spec| show_spans(&spec.spans), "");
    let error = RwSignal::new(None::<ApiError>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let read = || {
            Ok(CalendarSpec {
                name: name.get_untracked(),
                description: description.get_untracked(),
                time_zone: zone.get_untracked(),
                dates: dates
                    .with_untracked(|text| read_dates(text))
                    .map_err(|wrong| ("dates", wrong))?,
                weekly: weekly
                    .with_untracked(|text| read_weekly(text))
                    .map_err(|wrong| ("weekly", wrong))?,
                spans: spans
                    .with_untracked(|text| read_spans(text))
                    .map_err(|wrong| ("spans", wrong))?,
            })
        };
        let spec = match read() {
            Ok(spec) => spec,
            Err((field, (at, line))) => {
                let told = (i18n.texts().calendars.wrong_line)(at, &line);
                let problem = Problem::new(ProblemKind::InvalidField, told).with_field(field);
                error.set(Some(ApiError::Problem(problem)));
                return;
            }
        };
        let call = async move {
            match opened {
                Some((id, version)) => {
                    let body = UpdateCalendar {
                        version: Some(version),
                        spec,
                    };
                    api::call::<Calendar>(Method::PUT, &format!("/api/v1/calendars/{id}"), &body)
                        .await
                }
                None => api::call::<Calendar>(Method::POST, "/api/v1/calendars", &spec).await,
            }
        };
        act.run_or(Topic::Jobs, call, error, move |toasts, calendar| {
            open.set(false);
            toasts.good(move |t| (t.editor.saved)(&calendar.spec.name));
        });
    };
    view! {
        <form class="form" on:submit=submit on:input=move |_| error.set(None)>
            <Input id="calendar-name" label=|t| t.name field="name" value=name fixed=!is_new error />
            <Input id="calendar-description" label=|t| t.apps.description field="description" value=description error />
            <Input id="calendar-zone" label=|t| t.editor.time_zone field="time_zone" value=zone error />
            <Lines id="calendar-dates" label=|t| t.calendars.dates hint=|t| t.calendars.dates_hint field="dates" value=dates error />
            <Lines id="calendar-weekly" label=|t| t.calendars.weekly hint=|t| t.calendars.weekly_hint field="weekly" value=weekly error />
            <Lines id="calendar-spans" label=|t| t.calendars.spans hint=|t| t.calendars.spans_hint field="spans" value=spans error />
            <FormEnd
                open
                act
                label=|t| t.editor.save
                error
                beside=&["name", "description", "time_zone", "dates", "weekly", "spans"]
            />
        </form>
    }
}

#[component]
fn Input(
    id: &'static str,
    label: Label,
    field: &'static str,
    value: RwSignal<String>,
    #[prop(optional)] fixed: bool,
    error: RwSignal<Option<ApiError>>,
) -> impl IntoView {
    view! {
        <Field id label field error>
            <input
                id=id
                autocomplete="off"
                spellcheck="false"
                prop:value=value
                prop:readonly=fixed
                on:input=move |event| value.set(event_target_value(&event))
            />
        </Field>
    }
}

#[component]
fn Lines(
    id: &'static str,
    label: Label,
    hint: Label,
    field: &'static str,
    value: RwSignal<String>,
    error: RwSignal<Option<ApiError>>,
) -> impl IntoView {
    view! {
        <Field id label hint field error>
            <textarea
                id=id
                rows="4"
                spellcheck="false"
                prop:value=value
                on:input=move |event| value.set(event_target_value(&event))
            ></textarea>
        </Field>
    }
}
