//! The client protocol, `/client/v1`.

mod register;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use antares_protocol::client::{
    Claim, Claimed, ClaimedShard, MAX_CHECKPOINT, MAX_HELD, Outcome, Renew, Renewed, Report,
    Reported, ReportedShard, Running, ShardLogs, ShardResult,
};
use antares_protocol::job::JobKind;
use antares_protocol::problem::{Problem, ProblemKind};
use antares_protocol::shard::shard_id;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::auth::ClientApp;
use super::error::ApiError;
use super::extract::{Json, Path, storable_time};
use crate::app::{App, Shared};
use crate::domain::job::holds_nul;
use crate::engine::board::Given;
use crate::engine::claimer::{self, Taken};
use crate::engine::hint::Hint;
use crate::engine::reporter;
use crate::pipeline::attempt;
use crate::store::checkpoint::{self, Said};
use crate::store::client::{self, Profile};
use crate::store::{history, shard};

/// Most results, log lines or shards in one call.
const MOST: usize = 1000;
/// Longest delay of a `later`: a year.
const MAX_DELAY_MS: u64 = 366 * 24 * 3_600_000;

/// Routes for clients.
pub fn router() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(leave))
        .routes(routes!(renew))
        .routes(routes!(claim))
        .routes(routes!(report))
        .routes(routes!(logs))
}

/// The caller's client, if it is the caller's and has not left.
async fn own_client(app: &App, caller: ClientApp, id: Uuid) -> Result<Arc<Profile>, ApiError> {
    match app.clients.get(&app.pool, id).await? {
        Some(client) if client.app_id == caller.app_id => Ok(client),
        Some(_) => Err(not_in_this_app(id)),
        // On the heap and for as long as it takes: a claim waits for a minute with the rest of this future.
        None => Err(Box::pin(why_unknown(app, caller, id)).await?),
    }
}

async fn why_unknown(app: &App, caller: ClientApp, id: Uuid) -> Result<ApiError, ApiError> {
    let mut conn = app.pool.acquire().await?;
    if client::app_of(&mut conn, id).await? == Some(caller.app_id) {
        return Ok(claimer::ClaimError::Gone.into());
    }
    Ok(not_in_this_app(id))
}

fn not_in_this_app(id: Uuid) -> ApiError {
    ApiError::not_found(format_args!("client {id} in this app"))
}

/// Leave after draining. What the client still holds goes back at once. Repeating it is safe.
#[utoipa::path(delete, path = "/client/v1/clients/{id}", tag = "client", security(("app" = [])), params(("id" = Uuid, Path)),
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn leave(
    State(app): State<Shared>,
    caller: ClientApp,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let mut conn = app.pool.acquire().await?;
    if client::app_of(&mut conn, id).await? != Some(caller.app_id) {
        return Err(not_in_this_app(id));
    }
    let ended = attempt::leave(&mut conn, &[id]).await?;
    drop(conn);
    app.clients.forget(id);
    reporter::after(&app, &ended);
    app.hints.send(&Hint::clients());
    Ok(StatusCode::NO_CONTENT)
}

/// Renew the lease. The answer names handlers to stop.
#[utoipa::path(post, path = "/client/v1/clients/{id}/renew", tag = "client", security(("app" = [])), params(("id" = Uuid, Path)),
    request_body = Renew, responses((status = 200, body = Renewed), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn renew(
    State(app): State<Shared>,
    caller: ClientApp,
    Path(id): Path<Uuid>,
    Json(body): Json<Renew>,
) -> Result<axum::Json<Renewed>, ApiError> {
    own_client(&app, caller, id).await?;
    if body.running.len() > MAX_HELD {
        return Err(ApiError::field(
            "running",
            format!(
                "{} shards are too many; a client may hold {MAX_HELD}: claim more when results have been reported",
                body.running.len()
            ),
        ));
    }
    let said = said(id, &body.running)?;
    let running = body.running.iter().map(Running::token).collect();
    let renewal = app.renewer.renew(id, running, said).await?;
    let (lease_ms, renew_every) = if renewal.idle {
        (app.config.idle_lease_ms(), app.config.idle_renew_every())
    } else {
        (app.config.lease_ms(), app.config.renew_every())
    };
    Ok(axum::Json(Renewed {
        lease_ms: lease_ms as u64,
        renew_every_ms: renew_every.as_millis() as u64,
        cancel: renewal.cancel,
    }))
}

/// What a renewal says of the shards that run.
fn said(client_id: Uuid, running: &[Running]) -> Result<Vec<Said>, ApiError> {
    let mut said = Vec::new();
    for (index, shard) in running.iter().enumerate() {
        if shard.checkpoint.is_none() && shard.progress.is_none() {
            continue;
        }
        let field = |name| format!("running[{index}].{name}");
        check_checkpoint(|| field("checkpoint"), shard.checkpoint.as_ref())?;
        if shard.progress.is_some_and(|percent| percent > 100) {
            return Err(ApiError::field(
                &field("progress"),
                "is not allowed; give 0 to 100",
            ));
        }
        said.push(Said {
            client_id,
            shard_id: shard.shard_id,
            attempt: shard.attempt,
            checkpoint: shard.checkpoint.clone(),
            progress: shard.progress.map(i16::from),
        });
    }
    Ok(said)
}

fn check_checkpoint(
    field: impl FnOnce() -> String,
    checkpoint: Option<&Value>,
) -> Result<(), ApiError> {
    let Some(value) = checkpoint else {
        return Ok(());
    };
    let bytes = value.to_string().len();
    if bytes > MAX_CHECKPOINT {
        return Err(ApiError::field(
            &field(),
            format!(
                "is {bytes} bytes of JSON; the limit is {MAX_CHECKPOINT}: keep the data elsewhere and its place here"
            ),
        ));
    }
    if holds_nul(value) {
        return Err(ApiError::field(
            &field(),
            "holds the character U+0000, which cannot be stored; remove it",
        ));
    }
    Ok(())
}

/// Claim shards. Waits for one if asked to.
#[utoipa::path(post, path = "/client/v1/clients/{id}/claim", tag = "client", security(("app" = [])), params(("id" = Uuid, Path)),
    request_body = Claim, responses((status = 200, body = Claimed), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn claim(
    State(app): State<Shared>,
    caller: ClientApp,
    Path(id): Path<Uuid>,
    Json(body): Json<Claim>,
) -> Result<axum::Json<Claimed>, ApiError> {
    answer_claim(&app, caller, id, body).await
}

/// Answers a claim of the client `id`, which [`super::direct`] does past the router.
pub(super) async fn answer_claim(
    app: &App,
    caller: ClientApp,
    id: Uuid,
    body: Claim,
) -> Result<axum::Json<Claimed>, ApiError> {
    let received = Instant::now();
    let client = own_client(app, caller, id).await?;
    if !(1..=MOST as u32).contains(&body.max) {
        return Err(ApiError::field(
            "max",
            format!("{} is not allowed; give 1 to {MOST}", body.max),
        ));
    }
    let wait = Duration::from_millis(body.wait_ms);
    if wait > super::MAX_WAIT {
        return Err(ApiError::field(
            "wait_ms",
            format!(
                "{} is not allowed; give 0 to {}",
                body.wait_ms,
                super::MAX_WAIT.as_millis()
            ),
        ));
    }
    let (mut taken, results) = if body.results.is_empty() {
        (app.claimer.claim(client, body.max, wait).await?, Vec::new())
    } else {
        // Boxed, as is what follows: what is needed seldom would make room in each claim that waits, and be moved about
        // with it.
        Box::pin(report_and_claim(app, client, body.max, body.results)).await?
    };
    let again = claimed_again(&taken.shards);
    let checkpoints = if again.is_empty() {
        Ok(HashMap::new())
    } else {
        Box::pin(checkpoints(app, &again)).await
    };
    let checkpoints = match checkpoints {
        Ok(checkpoints) => checkpoints,
        // Results are recorded, which the client has to hear; so it is told of no shards instead of an error.
        Err(error) => {
            tracing::warn!(%error, "checkpoints cannot be read: the shards go back");
            let reason = "the checkpoint of the attempt before could not be read";
            claimer::give_back(app, id, &taken.shards, reason);
            taken = Taken::default();
            HashMap::new()
        }
    };
    let waited = taken.asked_at.map(|at| at.duration_since(received));
    let lease_ms = shard::claim_lease_ms(app.config.lease_ms());
    Ok(axum::Json(Claimed {
        shards: taken
            .shards
            .iter()
            .flat_map(|given| describe(given, &checkpoints))
            .collect(),
        waited_ms: waited.unwrap_or_default().as_millis() as u64,
        lease_ms: waited.map_or(0, |_| lease_ms as u64),
        results,
    }))
}

/// The shards that were claimed before, which may have a checkpoint.
fn claimed_again(shards: &[Given]) -> Vec<i64> {
    shards
        .iter()
        .filter(|given| given.attempt > 1)
        .flat_map(|given| {
            let id = given.known.ready.id;
            (given.item..given.item + i32::from(given.n)).map(move |item| shard_id(id, item))
        })
        .collect()
}

/// The checkpoints of `shards`, by shard.
async fn checkpoints(app: &App, shards: &[i64]) -> sqlx::Result<HashMap<i64, Value>> {
    let mut conn = app.hot.acquire().await?;
    checkpoint::of(&mut conn, shards).await
}

/// Keeps what clients say of shards whose claims stand.
async fn save_checkpoints(app: &App, said: &[Said]) -> sqlx::Result<()> {
    let mut conn = app.hot.acquire().await?;
    checkpoint::save(&mut conn, said).await
}

/// Records results and claims, at once: a claim seldom depends on what was reported with it.
async fn report_and_claim(
    app: &App,
    client: Arc<Profile>,
    max: u32,
    results: Vec<ShardResult>,
) -> Result<(Taken, Vec<ReportedShard>), ApiError> {
    check(&results)?;
    let claim = |client| app.claimer.claim(client, max, Duration::ZERO);
    let recorded = record(app, client.id, results);
    let (recorded, taken) = tokio::join!(recorded, claim(Arc::clone(&client)));
    let taken = taken.unwrap_or_default();
    let results = match recorded {
        Ok(results) => results,
        Err(error) => {
            // The answer is the error: it has no place for shards.
            let reason = "the results that came with the claim could not be recorded";
            claimer::give_back(app, client.id, &taken.shards, reason);
            return Err(error);
        }
    };
    if !taken.held_back {
        return Ok((taken, results));
    }
    // Now it holds fewer. Whatever comes of it, the client must hear that the results are recorded.
    let taken = claim(client).await.unwrap_or_default();
    Ok((taken, results))
}

/// Report how shards ended. A stale result changes nothing and is answered as such.
#[utoipa::path(post, path = "/client/v1/clients/{id}/report", tag = "client", security(("app" = [])), params(("id" = Uuid, Path)),
    request_body = Report, responses((status = 200, body = Reported), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn report(
    State(app): State<Shared>,
    caller: ClientApp,
    Path(id): Path<Uuid>,
    Json(body): Json<Report>,
) -> Result<axum::Json<Reported>, ApiError> {
    // A client whose lease has ended may report too: its claims are gone, so its results are stale.
    if let Err(error) = own_client(&app, caller, id).await
        && error.0.kind != ProblemKind::ClientGone
    {
        return Err(error);
    }
    check(&body.results)?;
    let results = record(&app, id, body.results).await?;
    Ok(axum::Json(Reported { results }))
}

fn check(results: &[ShardResult]) -> Result<(), ApiError> {
    if results.len() > MOST {
        return Err(ApiError::field(
            "results",
            format!("at most {MOST} results in one call"),
        ));
    }
    for (index, result) in results.iter().enumerate() {
        if result.delay_ms.is_some_and(|ms| ms > MAX_DELAY_MS) {
            return Err(ApiError::field(
                &format!("results[{index}].delay_ms"),
                "is more than 366 days",
            ));
        }
        let field = || format!("results[{index}].checkpoint");
        check_checkpoint(field, result.checkpoint.as_ref())?;
    }
    Ok(())
}

async fn record(
    app: &App,
    client_id: Uuid,
    results: Vec<ShardResult>,
) -> Result<Vec<ReportedShard>, ApiError> {
    if results.is_empty() {
        return Ok(Vec::new());
    }
    let said: Vec<Said> = results
        .iter()
        .filter(|result| result.outcome != Outcome::Succeeded)
        .filter_map(|result| {
            Some(Said {
                client_id,
                shard_id: result.shard_id,
                attempt: result.attempt,
                checkpoint: Some(result.checkpoint.clone()?),
                progress: None,
            })
        })
        .collect();
    if !said.is_empty() {
        // Before the claims end, as only who holds one may say so. If that fails, all of it is reported again.
        Box::pin(save_checkpoints(app, &said)).await?;
    }
    let tokens: Vec<(i64, i16)> = results.iter().map(|r| (r.shard_id, r.attempt)).collect();
    // On the heap: nearly no report has such long outputs.
    let plans = Box::pin(attempt::plans(&app.pool, &results)).await?;
    let endings = results
        .into_iter()
        .map(|result| attempt::from_result(client_id, result, &plans))
        .collect();
    let statuses = app.reporter.report(endings).await?;
    Ok(tokens
        .into_iter()
        .zip(statuses)
        .map(|((shard_id, attempt), status)| ReportedShard {
            shard_id,
            attempt,
            status,
        })
        .collect())
}

/// Keep lines that handlers logged.
#[utoipa::path(post, path = "/client/v1/clients/{id}/logs", tag = "client", security(("app" = [])), params(("id" = Uuid, Path)),
    request_body = ShardLogs, responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
async fn logs(
    State(app): State<Shared>,
    caller: ClientApp,
    Path(id): Path<Uuid>,
    Json(mut body): Json<ShardLogs>,
) -> Result<StatusCode, ApiError> {
    own_client(&app, caller, id).await?;
    if body.lines.len() > MOST {
        return Err(ApiError::field(
            "lines",
            format!("at most {MOST} lines in one call"),
        ));
    }
    for (index, line) in body.lines.iter_mut().enumerate() {
        storable_time(&format!("lines[{index}].logged_at"), line.logged_at)?;
        line.message = attempt::cut(std::mem::take(&mut line.message), attempt::MAX_ERROR);
    }
    let mut conn = app.hot.acquire().await?;
    // Lines of shards that this client never had are dropped: a client writes to its own logs only.
    client::log(&mut conn, id, &body.lines).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn describe<'a>(
    given: &'a Given,
    checkpoints: &'a HashMap<i64, Value>,
) -> impl Iterator<Item = ClaimedShard> + use<'a> {
    let (ready, job) = (&given.known.ready, &given.known.job);
    let attempt = given.attempt;
    (given.item..given.item + i32::from(given.n)).map(move |item| ClaimedShard {
        shard_id: shard_id(ready.id, item),
        attempt,
        instance_id: ready.id,
        job: job.name.clone(),
        handler: given.known.handler().to_owned(),
        kind: job.kind,
        item,
        param: given.known.param(item),
        total: ready.total,
        job_param: ready.param.clone().unwrap_or_else(|| job.param.clone()),
        trigger: history::trigger(&ready.trigger),
        scheduled_at: ready.scheduled_at,
        fired_at: ready.fired_at,
        timeout_ms: job.shard_timeout_ms,
        script: if job.kind == JobKind::Script {
            job.script.clone()
        } else {
            None
        },
        checkpoint: if attempt > 1 {
            checkpoints.get(&shard_id(ready.id, item)).cloned()
        } else {
            None
        },
    })
}
