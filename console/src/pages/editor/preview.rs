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
use crate::api;
use crate::components::kept_out::KeptOutTicks;
use crate::components::notice::detail;
use crate::components::when::When;
use crate::i18n::labels::in_labels;
use crate::i18n::use_i18n;

/// How long nothing must be typed before the server is asked.
const PAUSE_MS: u32 = 300;

/// Whether a field is one that a new definition has empty.
fn is_early(field: Option<&str>) -> bool {
    field.is_some_and(|field| {
        ["spec.script", "spec.sharding", "spec.handler"]
            .iter()
            .any(|early| field.starts_with(early))
    })
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
                Err(api::ApiError::Problem(problem)) if is_early(problem.field.as_deref()) => {
                    wrong.set(Some(detail(&problem)));
                    times.set(None);
                    // What else was wrong may be mended.
                    draft.previewed.set(None);
                }
                Err(api::ApiError::Problem(problem)) => {
                    wrong.set(Some(detail(&problem)));
                    times.set(None);
                    draft
                        .previewed
                        .set(Some(within(api::ApiError::Problem(problem))));
                }
                Err(_) => {}
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
        {move || wrong.get().map(|wrong| view! { <p class="field-error aside" role="status">{in_labels(&i18n.said(&wrong), i18n.texts())}</p> })}
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
