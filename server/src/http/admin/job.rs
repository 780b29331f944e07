//! Jobs.

use std::time::{Duration, Instant};

use antares_protocol::job::{
    CreateJob, Job, JobState, JobTriggered, JobsTriggered, TriggerJob, TriggerJobs, Triggered,
    UpdateJob,
};
use antares_protocol::page::Page;
use antares_protocol::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::Shared;
use crate::domain::job::Action;
use crate::engine::hint::Hint;
use crate::engine::offer::offer;
use crate::http::auth::User;
use crate::http::error::ApiError;
use crate::http::extract::{Json, OptionalJson, Path, Query, cursor, limit, page, storable};
use crate::pipeline::job::JobError;
use crate::pipeline::trigger::Trigger;
use crate::pipeline::{self, retry};
use crate::store;

/// Routes for jobs.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, update, delete))
        .routes(routes!(trigger))
        .routes(routes!(trigger_many))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(stop))
        .routes(routes!(schedule))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(terminate))
}

/// Most triggers in one call.
const MOST_TRIGGERS: usize = 1000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListJobs {
    /// Name of the app.
    app: Option<String>,
    /// Part of the job's name, in any case.
    search: Option<String>,
    /// State of the job.
    #[param(inline)]
    state: Option<JobState>,
    /// The server that fires it.
    server_id: Option<uuid::Uuid>,
    /// Name of a calendar that keeps its ticks in or out.
    calendar: Option<String>,
    /// `next` of the page before.
    after: Option<String>,
    /// Rows of a page, 1 to 500; 50 if left out.
    limit: Option<u32>,
}

/// List jobs, oldest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "job", security(("session" = []), ("user" = [])), params(ListJobs),
    responses((status = 200, body = Page<Job>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<ListJobs>,
) -> Result<axum::Json<Page<Job>>, ApiError> {
    let limit = limit(query.limit)?;
    let search = query.search.unwrap_or_default();
    storable("search", &search, 200)?;
    storable("app", query.app.as_deref().unwrap_or_default(), 200)?;
    storable(
        "calendar",
        query.calendar.as_deref().unwrap_or_default(),
        200,
    )?;
    let filter = store::job::Filter {
        id: None,
        app: query.app.as_deref(),
        search: &search,
        state: query.state.map(|state| match state {
            JobState::Disabled => "disabled",
            JobState::Stopped => "stopped",
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::Paused => "paused",
        }),
        server_id: query.server_id,
        calendar: query.calendar.as_deref(),
        after: cursor(query.after.as_deref())?.unwrap_or(0),
        limit: limit + 1,
    };
    let rows = app
        .list(&filter, |conn, filter| {
            Box::pin(store::job::list(conn, filter))
        })
        .await?;
    Ok(axum::Json(page(rows, limit, |row| row.id.to_string())))
}

async fn read(app: &Shared, id: i64) -> Result<Job, ApiError> {
    let mut conn = app.pool.acquire().await?;
    store::job::get(&mut conn, id)
        .await?
        .ok_or_else(|| ApiError::not_found(format_args!("job {id}")))
}

/// Create a job.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "job", security(("session" = []), ("user" = [])), request_body = CreateJob,
    responses((status = 201, body = Job), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<CreateJob>,
) -> Result<(StatusCode, axum::Json<Job>), ApiError> {
    storable("app", &body.app, 200)?;
    let id = retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::create(&mut conn, &body, &user.name).await
    })
    .await?;
    app.hints.send(&Hint::jobs());
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// Read a job.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 200, body = Job), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn get(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<Job>, ApiError> {
    Ok(axum::Json(read(&app, id).await?))
}

/// Replace the definition of a job. A running instance goes on with the version it was fired with.
#[utoipa::path(put, path = "/api/v1/jobs/{id}", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = UpdateJob, responses((status = 200, body = Job), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn update(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
    Json(body): Json<UpdateJob>,
) -> Result<axum::Json<Job>, ApiError> {
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::update(&mut conn, id, &body, &user.name).await
    })
    .await?;
    app.hints.queued();
    app.hints.send(&Hint::definitions());
    Ok(axum::Json(read(&app, id).await?))
}

/// Delete a job. A running instance is terminated; history stays.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn delete(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<i64>,
) -> Result<StatusCode, ApiError> {
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::delete(&mut conn, id).await
    })
    .await?;
    changed(&app);
    Ok(StatusCode::NO_CONTENT)
}

/// Instances were queued.
fn queued(app: &Shared) {
    app.hints.queued();
    app.hints.send(&Hint::instances());
}

fn changed(app: &Shared) {
    // A queue may go on, or end.
    app.hints.queued();
    app.hints.send(&Hint {
        jobs: true,
        instances: true,
        ..Hint::default()
    });
}

/// How long a trigger waits for another one with its key to end, and how often it looks.
const KEY_WAIT: Duration = Duration::from_secs(2);
const KEY_PERIOD: Duration = Duration::from_millis(100);

/// Run a job now. Repeating it with the same idempotency key returns the first instance.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/trigger", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    request_body = Option<TriggerJob>, responses((status = 202, body = Triggered), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn trigger(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
    OptionalJson(body): OptionalJson<TriggerJob>,
) -> Result<(StatusCode, axum::Json<Triggered>), ApiError> {
    let by = user.trigger();
    let begun = Instant::now();
    let triggered = loop {
        let triggered = retry::on_conflict(&app, || async {
            let mut conn = app.pool.acquire().await?;
            pipeline::trigger::trigger(&mut conn, app.server_id, by, id, &body).await
        });
        match triggered.await {
            // Waited for without a connection, which others need meanwhile.
            Err(JobError::KeyInUse(_)) if begun.elapsed() < KEY_WAIT => {
                tokio::time::sleep(KEY_PERIOD).await;
            }
            done => break done?,
        }
    };
    let instance_id = triggered.instance_id();
    match triggered {
        Trigger::Made(ready) => offer(&app, vec![*ready]),
        Trigger::Queued(_) => queued(&app),
        Trigger::Repeated(_) => {}
    }
    Ok((StatusCode::ACCEPTED, axum::Json(Triggered { instance_id })))
}

/// Run many jobs now. Each is answered alone: one that cannot run keeps no other from it.
#[utoipa::path(post, path = "/api/v1/triggers", tag = "job", security(("session" = []), ("user" = [])), request_body = TriggerJobs,
    responses((status = 200, body = JobsTriggered), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn trigger_many(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<TriggerJobs>,
) -> Result<axum::Json<JobsTriggered>, ApiError> {
    if !(1..=MOST_TRIGGERS).contains(&body.triggers.len()) {
        return Err(ApiError::field(
            "triggers",
            format!("give 1 to {MOST_TRIGGERS} triggers"),
        ));
    }
    let requests: Vec<(i64, TriggerJob)> = body
        .triggers
        .into_iter()
        .map(|trigger| {
            let request = TriggerJob {
                param: trigger.param,
                idempotency_key: trigger.idempotency_key,
                priority: trigger.priority,
                delay_ms: trigger.delay_ms,
            };
            (trigger.job_id, request)
        })
        .collect();
    for (index, (_, request)) in requests.iter().enumerate() {
        pipeline::trigger::check(request).map_err(|error| {
            ApiError::field(&format!("triggers[{index}].{}", error.field), error.message)
        })?;
    }
    let by = user.trigger();
    let outcomes = retry::on_conflict(&app, || async {
        let mut conn = app.hot.acquire().await?;
        pipeline::trigger::trigger_many(&mut conn, app.server_id, by, &requests).await
    })
    .await?;
    let mut made = Vec::new();
    let mut is_queued = false;
    let outcomes: Vec<Result<i64, JobError>> = outcomes
        .into_iter()
        .map(|outcome| {
            let triggered = outcome?;
            let id = triggered.instance_id();
            match triggered {
                Trigger::Made(ready) => made.push(*ready),
                Trigger::Queued(_) => is_queued = true,
                Trigger::Repeated(_) => {}
            }
            Ok(id)
        })
        .collect();
    offer(&app, made);
    if is_queued {
        queued(&app);
    }
    let results = requests.iter().zip(outcomes);
    let results = results.map(|((job_id, _), outcome)| {
        let (instance_id, problem) = match outcome {
            Ok(id) => (Some(id), None),
            Err(error) => (None, Some(ApiError::from(error).0)),
        };
        JobTriggered {
            job_id: *job_id,
            instance_id,
            problem,
        }
    });
    Ok(axum::Json(JobsTriggered {
        results: results.collect(),
    }))
}

async fn act(
    app: &Shared,
    user: &User,
    id: i64,
    action: Action,
) -> Result<axum::Json<Job>, ApiError> {
    retry::on_conflict(app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::act(&mut conn, id, action, &user.name).await
    })
    .await?;
    changed(app);
    Ok(axum::Json(read(app, id).await?))
}

macro_rules! action {
    ($name:ident, $path:literal, $action:expr, $doc:literal) => {
        #[doc = $doc]
        #[utoipa::path(post, path = $path, tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
            responses((status = 200, body = Job), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
        async fn $name(
            State(app): State<Shared>,
            user: User,
            Path(id): Path<i64>,
        ) -> Result<axum::Json<Job>, ApiError> {
            act(&app, &user, id, $action).await
        }
    };
}

action!(
    pause,
    "/api/v1/jobs/{id}/pause",
    Action::Pause,
    "Keep ticks from firing. A running instance goes on."
);
action!(
    resume,
    "/api/v1/jobs/{id}/resume",
    Action::Resume,
    "Let a paused job's ticks fire again."
);
action!(
    stop,
    "/api/v1/jobs/{id}/stop",
    Action::Stop,
    "Take a job off the schedule. A running instance is terminated."
);
action!(
    schedule,
    "/api/v1/jobs/{id}/schedule",
    Action::Schedule,
    "Put a stopped job on the schedule."
);
action!(
    enable,
    "/api/v1/jobs/{id}/enable",
    Action::Enable,
    "Switch a job on and put it on the schedule."
);
action!(
    disable,
    "/api/v1/jobs/{id}/disable",
    Action::Disable,
    "Switch a job off. A running instance is terminated."
);

/// Terminate the running instance of a job. The job stays in its state.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/terminate", tag = "job", security(("session" = []), ("user" = [])), params(("id" = i64, Path)),
    responses((status = 200, body = Job), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn terminate(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<i64>,
) -> Result<axum::Json<Job>, ApiError> {
    retry::on_conflict(&app, || async {
        let mut conn = app.pool.acquire().await?;
        pipeline::job::terminate(&mut conn, id, &user.name).await
    })
    .await?;
    queued(&app);
    Ok(axum::Json(read(&app, id).await?))
}
