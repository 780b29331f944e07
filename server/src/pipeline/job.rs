//! Jobs change: their definition, and their state.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use antares_protocol::job::{CreateJob, JobSpec, UpdateJob};
use antares_protocol::policy::{NoClient, Sharding};
use antares_protocol::schedule::Overlap;
use antares_protocol::version::{CopyJobs, JobsCopied};
use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};

use super::calendar;
use super::dependency;
use super::instance::end_locked;
use super::retry::Conflict;
use super::start::after_delay;
use crate::domain::job::{
    Action, FieldError, resolved_cron, schedule as read_schedule, timing, transition, validate,
};
use crate::store::queue::Ending;
use crate::store::schedule::Schedule;
use crate::store::{app, dependency as edges, instance, job, limit, pool, queue, schedule};

/// Why a job was not changed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// There is no such job.
    #[error("there is no job {0}")]
    NotFound(i64),
    /// There is no such app.
    #[error("there is no app called `{0}`")]
    NoApp(String),
    /// Another job of the app has the name.
    #[error("the app has a job called `{0}` already")]
    NameTaken(String),
    /// A field of the definition is not allowed.
    #[error(transparent)]
    Spec(FieldError),
    /// Another field is not allowed.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// The state of the job does not allow the action.
    #[error("cannot {action} a job that is {state}: {remedy}")]
    State {
        action: &'static str,
        state: String,
        remedy: Cow<'static, str>,
    },
    /// Somebody else changed the job.
    #[error(
        "the change is based on version {based_on}, but the job is at version {current}: read it again"
    )]
    Version { based_on: i32, current: i32 },
    /// Another call or transaction is using the idempotency key.
    #[error(
        "another call or transaction has used the idempotency key `{0}` and has not ended: repeat the call when it has"
    )]
    KeyInUse(String),
    /// Another job follows it.
    #[error("the job `{job}` of `{app}` follows it: delete or change that one first")]
    Followed { app: String, job: String },
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl Conflict for JobError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Database(error) if pool::is_conflict(error))
    }
}

fn next_fire(
    app: &str,
    spec: &JobSpec,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, FieldError> {
    Ok(read_schedule(app, spec)?.and_then(|schedule| schedule.next_after(now)))
}

/// What the firing statement needs of a definition.
fn row<'a>(
    app: &str,
    spec: &'a JobSpec,
    (job_id, app_id, version): (i64, i64, i32),
    next_fire_at: Option<DateTime<Utc>>,
) -> Result<Schedule<'a>, FieldError> {
    let (slots, queue) = match spec.overlap {
        Overlap::Skip | Overlap::Replace => (1, 0),
        Overlap::Queue(limit) => (1, limit),
        Overlap::Allow(limit) => (limit, 0),
    };
    Ok(Schedule {
        job_id,
        app_id,
        version,
        cron: resolved_cron(app, spec)?,
        time_zone: &spec.time_zone,
        timing: timing(app, spec).to_text(),
        fixed_delay_ms: spec.fixed_delay_ms.map(|ms| ms as i64),
        slots: slots as i16,
        queue: queue as i16,
        replaces: spec.overlap == Overlap::Replace,
        needs_client: spec.no_client == NoClient::Skip,
        is_dynamic: spec.sharding != Sharding::Fixed,
        priority: spec.priority,
        shard_count: spec.shard_count as i32,
        max_attempts: spec.max_attempts as i16,
        instance_timeout_ms: spec.instance_timeout_ms as i64,
        next_fire_at,
    })
}

/// Creates a job, scheduled at once or disabled. Returns its id.
pub async fn create(
    conn: &mut PgConnection,
    request: &CreateJob,
    author: &str,
) -> Result<i64, JobError> {
    let mut tx = conn.begin().await?;
    let id = create_in(&mut tx, request, author).await?;
    tx.commit().await?;
    Ok(id)
}

/// As [`create`], in a transaction of the caller.
async fn create_in(
    tx: &mut PgConnection,
    request: &CreateJob,
    author: &str,
) -> Result<i64, JobError> {
    let spec = &request.spec;
    validate(spec).map_err(JobError::Spec)?;
    let app_id = app::lock_by_name(&mut *tx, &request.app)
        .await?
        .ok_or_else(|| JobError::NoApp(request.app.clone()))?;
    let state = if request.enabled {
        "waiting"
    } else {
        "disabled"
    };
    let id = job::create(&mut *tx, app_id, &spec.name, state)
        .await
        .map_err(|error| match pool::violated_constraint(&error) {
            Some("job_name_key") => JobError::NameTaken(spec.name.clone()),
            _ => error.into(),
        })?;
    job::add_version(&mut *tx, id, 1, spec, author).await?;
    let now = schedule::now(&mut *tx).await?;
    let next = match (request.enabled, spec.fixed_delay_ms) {
        (false, _) => None,
        (true, None) => next_fire(&request.app, spec, now)?,
        (true, Some(delay)) => {
            let timing = timing(&request.app, spec).to_text();
            after_delay(now, delay as i64, timing.as_deref())
        }
    };
    let schedule = row(&request.app, spec, (id, app_id, 1), next)?;
    schedule::put(&mut *tx, &schedule).await?;
    dependency::save(&mut *tx, id, &request.app, spec).await?;
    calendar::check_names(&mut *tx, spec).await?;
    save_limits(&mut *tx, id, spec).await?;
    Ok(id)
}

/// Replaces the definition. A running instance goes on with the version it was fired with.
pub async fn update(
    conn: &mut PgConnection,
    id: i64,
    request: &UpdateJob,
    author: &str,
) -> Result<(), JobError> {
    let mut tx = conn.begin().await?;
    update_in(&mut tx, id, request, author).await?;
    tx.commit().await?;
    Ok(())
}

/// As [`update`], in a transaction of the caller.
async fn update_in(
    tx: &mut PgConnection,
    id: i64,
    request: &UpdateJob,
    author: &str,
) -> Result<(), JobError> {
    let spec = &request.spec;
    validate(spec).map_err(JobError::Spec)?;
    let locked = job::lock(&mut *tx, id)
        .await?
        .ok_or(JobError::NotFound(id))?;
    if let Some(based_on) = request.version.filter(|version| *version != locked.version) {
        return Err(JobError::Version {
            based_on,
            current: locked.version,
        });
    }
    if spec.name != locked.name {
        return Err(JobError::Spec(FieldError::new(
            "name",
            format!("cannot change; the job is called `{}`", locked.name),
        )));
    }
    let version = locked.version + 1;
    job::add_version(&mut *tx, id, version, spec, author).await?;
    job::set_version(&mut *tx, id, version).await?;
    let now = schedule::now(&mut *tx).await?;
    // That of a fixed delay is set by the starter, when no instance runs.
    let next = if locked.state == "waiting" {
        next_fire(&locked.app, spec, now)?
    } else {
        None
    };
    let schedule = row(&locked.app, spec, (id, locked.app_id, version), next)?;
    schedule::put(&mut *tx, &schedule).await?;
    dependency::save(&mut *tx, id, &locked.app, spec).await?;
    calendar::check_names(&mut *tx, spec).await?;
    save_limits(&mut *tx, id, spec).await?;
    Ok(())
}

/// Copies definitions of jobs of the app `from` into another app. What follows a job of its own app follows that of the other
/// app then, however it was named.
pub async fn copy(
    conn: &mut PgConnection,
    from: &str,
    request: &CopyJobs,
    author: &str,
) -> Result<JobsCopied, JobError> {
    if request.to == from {
        return Err(JobError::Field(FieldError::new(
            "to",
            "is the app itself; name another one",
        )));
    }
    if request.jobs.as_ref().is_some_and(Vec::is_empty) {
        return Err(JobError::Field(FieldError::new(
            "jobs",
            "is empty; name the jobs to copy, or leave it out for all of the app",
        )));
    }
    let mut tx = conn.begin().await?;
    let jobs = job::of_app(&mut tx, from).await?;
    if let Some(unknown) =
        (request.jobs.iter().flatten()).find(|name| !jobs.iter().any(|job| job.spec.name == **name))
    {
        return Err(JobError::Field(FieldError::new(
            "jobs",
            format!("the app `{from}` has no job `{unknown}`"),
        )));
    }
    if !app::is_there(&mut tx, &request.to).await? {
        return Err(JobError::NoApp(request.to.clone()));
    }
    let mut wanted: Vec<JobSpec> = (jobs.into_iter().map(|job| job.spec))
        .filter(|spec| {
            request
                .jobs
                .as_ref()
                .is_none_or(|jobs| jobs.contains(&spec.name))
        })
        .collect();
    for followed in wanted.iter_mut().flat_map(|spec| &mut spec.depends_on) {
        followed.app.take_if(|app| app == from);
    }
    let mut copied = JobsCopied::default();
    for spec in followed_first(wanted) {
        let name = spec.name.clone();
        match job::find(&mut tx, &request.to, &name).await? {
            Some(_) if !request.replace => copied.kept.push(name),
            Some(id) => {
                let update = UpdateJob {
                    version: None,
                    spec,
                };
                update_in(&mut tx, id, &update, author).await?;
                copied.replaced.push(name);
            }
            None => {
                let create = CreateJob {
                    app: request.to.clone(),
                    enabled: request.enabled,
                    spec,
                };
                create_in(&mut tx, &create, author).await?;
                copied.created.push(name);
            }
        }
    }
    tx.commit().await?;
    Ok(copied)
}

/// The definitions of one app, each after those of them that it follows; else in the order in which they come.
fn followed_first(specs: Vec<JobSpec>) -> Vec<JobSpec> {
    let places: HashMap<String, usize> = (specs.iter().enumerate())
        .map(|(place, spec)| (spec.name.clone(), place))
        .collect();
    let mut followers = vec![Vec::new(); specs.len()];
    let mut left = vec![0; specs.len()];
    for (place, spec) in specs.iter().enumerate() {
        let own = spec.depends_on.iter().filter(|one| one.app.is_none());
        for followed in own.filter_map(|one| places.get(&one.job)) {
            followers[*followed].push(place);
            left[place] += 1;
        }
    }
    let mut specs: Vec<Option<JobSpec>> = specs.into_iter().map(Some).collect();
    let mut next: BTreeSet<usize> = (0..specs.len()).filter(|place| left[*place] == 0).collect();
    let mut sorted = Vec::with_capacity(specs.len());
    // All get their turn: dependencies with a cycle are not stored.
    while let Some(place) = next.pop_first() {
        sorted.extend(specs[place].take());
        for follower in &followers[place] {
            left[*follower] -= 1;
            if left[*follower] == 0 {
                next.insert(*follower);
            }
        }
    }
    sorted
}

/// Sets the limit of running shards of a job, locked, and sees that those exist which it names.
async fn save_limits(conn: &mut PgConnection, id: i64, spec: &JobSpec) -> Result<(), JobError> {
    let key = limit::of_job(id);
    limit::put(conn, &key, spec.max_running_shards, "").await?;
    let found = if spec.limits.is_empty() {
        Vec::new()
    } else {
        limit::lock_named(conn, &spec.limits).await?
    };
    if let Some(name) = spec.limits.iter().find(|name| !found.contains(name)) {
        return Err(JobError::Spec(FieldError::new(
            "limits",
            format!("there is no limit `{name}`; create it first"),
        )));
    }
    let own = (spec.max_running_shards > 0).then_some(key);
    let keys: Vec<String> = (found.iter().map(|name| limit::named(name)))
        .chain(own)
        .collect();
    if !keys.is_empty() {
        limit::count_job(conn, &keys, id).await?;
    }
    Ok(())
}

/// Deletes a job; a running instance is terminated.
pub async fn delete(conn: &mut PgConnection, id: i64) -> Result<(), JobError> {
    let mut tx = conn.begin().await?;
    job::lock(&mut tx, id)
        .await?
        .ok_or(JobError::NotFound(id))?;
    // Whoever is about to follow it has done so then, or finds it gone.
    edges::lock_all(&mut tx).await?;
    let followers = edges::followers(&mut tx, id).await?;
    if let Some((app, job)) = followers.first() {
        return Err(JobError::Followed {
            app: app.clone(),
            job: job.clone(),
        });
    }
    // The schedule first: a firing that is under way ends before this goes on, and no other begins.
    job::delete(&mut tx, id).await?;
    let running = instance::lock_of_job(&mut tx, id).await?;
    let reason = "the job was deleted";
    end_locked(&mut tx, &running, "terminated", reason).await?;
    queue::end(&mut tx, Ending::OfJobs(&[id]), "terminated", reason).await?;
    edges::put(&mut tx, id, &[]).await?;
    limit::put(&mut tx, &limit::of_job(id), 0, "").await?;
    tx.commit().await?;
    Ok(())
}

/// Does what the operator `author` asks for.
pub async fn act(
    conn: &mut PgConnection,
    id: i64,
    action: Action,
    author: &str,
) -> Result<(), JobError> {
    let mut tx = conn.begin().await?;
    let locked = job::lock(&mut tx, id)
        .await?
        .ok_or(JobError::NotFound(id))?;
    let (name, past, remedy) = words(action);
    let Some(state) = transition(&locked.state, action) else {
        let runs = !instance::lock_of_job(&mut tx, id).await?.is_empty();
        return Err(JobError::State {
            action: name,
            // As everywhere else: a waiting job of which an instance runs is running.
            state: match locked.state.as_str() {
                "waiting" if runs => "running".to_owned(),
                _ => locked.state,
            },
            remedy: remedy.into(),
        });
    };
    job::set_state(&mut tx, id, state).await?;
    job::note_action(&mut tx, id, name, author).await?;
    let next = if state == "waiting" {
        let spec = job::version(&mut tx, id, locked.version)
            .await?
            .ok_or(JobError::NotFound(id))?;
        let now = schedule::now(&mut tx).await?;
        next_fire(&locked.app, &spec, now)?
    } else {
        None
    };
    // As in `delete`: the schedule before the instances.
    schedule::set_next(&mut tx, id, next).await?;
    if matches!(action, Action::Stop | Action::Disable) {
        let running = instance::lock_of_job(&mut tx, id).await?;
        let reason = format!("the job was {past}");
        end_locked(&mut tx, &running, "terminated", &reason).await?;
        queue::end(&mut tx, Ending::OfJobs(&[id]), "terminated", &reason).await?;
    }
    tx.commit().await?;
    Ok(())
}

fn words(action: Action) -> (&'static str, &'static str, &'static str) {
    match action {
        Action::Enable => ("enable", "enabled", "only a disabled job can be enabled"),
        Action::Disable => ("disable", "disabled", "it is disabled already"),
        Action::Schedule => (
            "schedule",
            "scheduled",
            "only a stopped job can be scheduled",
        ),
        Action::Stop => (
            "stop",
            "stopped",
            "only a job that waits, runs or is paused can be stopped",
        ),
        Action::Pause => (
            "pause",
            "paused",
            "only a job that waits or runs can be paused",
        ),
        Action::Resume => ("resume", "resumed", "only a paused job can be resumed"),
    }
}

/// Terminates the running instances of a job; the job stays in its state.
pub async fn terminate(conn: &mut PgConnection, id: i64, author: &str) -> Result<usize, JobError> {
    let mut tx = conn.begin().await?;
    let locked = job::lock(&mut tx, id)
        .await?
        .ok_or(JobError::NotFound(id))?;
    let running = instance::lock_of_job(&mut tx, id).await?;
    if running.is_empty() {
        return Err(JobError::State {
            action: "terminate",
            state: locked.state,
            remedy: "no instance of it is running".into(),
        });
    }
    let reason = format!("terminated by {author}");
    end_locked(&mut tx, &running, "terminated", &reason).await?;
    tx.commit().await?;
    Ok(running.len())
}
