//! When the definition would fire, as it is being typed.

use antares_protocol::plan::{FireTimes, PreviewSchedule};
use futures::channel::mpsc;
use futures::future::{AbortHandle, Abortable};
use futures::stream::StreamExt;
use gloo_net::http::Method;
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::inputs::use_draft;
use super::within;
use crate::api::{self, ApiError};
use crate::components::kept_out::KeptOutTicks;
use crate::components::notice::{Notice, detail};
use crate::components::when::When;
use crate::i18n::labels::in_labels;
use crate::i18n::use_i18n;

/// How long nothing must be typed before the server is asked.
const PAUSE_MS: u32 = 300;

/// How long until it is asked again after it could not be.
const AGAIN_MS: u32 = 2_000;

/// Whether a field is one that a new definition has empty.
fn is_early(field: Option<&str>, has_handler: bool) -> bool {
    let is_of = |part: &str| field.is_some_and(|field| field.starts_with(part));
    is_of("spec.script") || is_of("spec.sharding") || !has_handler && is_of("spec.handler")
}

/// The panel.
#[component]
pub(super) fn Preview(app: RwSignal<String>) -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let times = RwSignal::new(None::<FireTimes>);
    let wrong = RwSignal::new(None::<String>);
    // One request at a time, and one more for whatever was typed meanwhile.
    let (mut alarm, mut changes) = mpsc::channel(0);
    let mut again = alarm.clone();
    let unreachable = RwSignal::new(None::<ApiError>);
    Effect::new(move || {
        draft.spec.track();
        app.track();
        let _ = alarm.try_send(());
    });
    let (stop, stopped) = AbortHandle::new_pair();
    on_cleanup(move || stop.abort());
    let work = async move {
        while changes.next().await.is_some() {
            TimeoutFuture::new(PAUSE_MS).await;
            let mut spec = draft.spec.get_untracked();
            if spec.name.is_empty() {
                // Its schedule is told all the same: only what H becomes depends on the name.
                "new".clone_into(&mut spec.name);
            }
            // Its job is yet to be chosen.
            spec.depends_on.retain(|one| !one.job.is_empty());
            let has_handler = spec.handler.is_some();
            let body = PreviewSchedule {
                app: app.get_untracked(),
                spec,
                after: None,
                count: Some(8),
            };
            match api::call::<FireTimes>(Method::POST, "/api/v1/schedule/preview", &body).await {
                Ok(answer) => {
                    times.set(Some(answer));
                    wrong.set(None);
                    let is_old = draft.previewed.with_untracked(Option::is_some);
                    if is_old {
                        draft.previewed.set(None);
                    }
                }
                // What is yet to be typed is no fault of its field before it is saved.
                Err(ApiError::Problem(problem))
                    if is_early(problem.field.as_deref(), has_handler) =>
                {
                    wrong.set(Some(detail(&problem)));
                    times.set(None);
                    // What else was wrong may be mended.
                    draft.previewed.set(None);
                }
                Err(ApiError::Problem(problem)) => {
                    wrong.set(Some(detail(&problem)));
                    times.set(None);
                    draft
                        .previewed
                        .set(Some(within(ApiError::Problem(problem))));
                }
                Err(error) => {
                    times.set(None);
                    unreachable.set(Some(error));
                    TimeoutFuture::new(AGAIN_MS).await;
                    let _ = again.try_send(());
                    continue;
                }
            }
            if unreachable.with_untracked(Option::is_some) {
                unreachable.set(None);
            }
        }
    };
    spawn_local(async move {
        // Ends by being aborted.
        let _ = Abortable::new(work, stopped).await;
    });
    // By its schedule it should fire, and does not: it lies in the past, or its calendars keep out all of it.
    let never = Memo::new(move |_| {
        times.with(|times| times.as_ref().is_some_and(|times| times.fires.is_empty()))
            && draft.get(|spec| {
                spec.cron.is_some() || spec.fixed_rate_ms.is_some() || !spec.at.is_empty()
            })
    });
    let zone = Signal::derive(move || draft.get(|spec| spec.time_zone.clone()));
    view! {
        <h2>{i18n.text(|t| t.job_page.next_fires)}</h2>
        <p class="words" id="words" aria-live="polite">
            {move || times.with(|times| times.as_ref().map(|times| i18n.pick(&times.words, &times.words_zh)))}
        </p>
        {move || unreachable.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
        // What is marked is not in what the server was asked about.
        <Show when=move || draft.broken.with(|broken| !broken.is_empty())>
            <p class="field-hint" id="unread">{i18n.text(|t| t.editor.without_unread)}</p>
        </Show>
        {move || wrong.get().filter(|_| draft.broken.with(Vec::is_empty)).map(|wrong| view! { <p class="field-error aside" role="status">{in_labels(&i18n.said(&wrong), i18n.texts())}</p> })}
        <ol class="fires" id="preview">
            {move || times.get().map(|times| {
                times
                    .fires
                    .into_iter()
                    .map(|at| view! { <li><When at=Signal::stored(Some(at)) zone /></li> })
                    .collect_view()
            })}
        </ol>
        <Show when=move || never.get()>
            <p class="notice" id="no-fires" role="status">{i18n.text(|t| t.editor.no_fires)}</p>
        </Show>
        {move || times.get().map(|times| view! { <KeptOutTicks ticks=times.kept_out zone /> })}
    }
}
