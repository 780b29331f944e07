//! Running instances: made by a trigger, ended when their last shard ends or from outside.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use antares_protocol::shard::Trigger;
use serde_json::Value;
use sqlx::{FromRow as _, PgConnection, Row as _};
use uuid::Uuid;

use super::form;
use super::shard::Ready;

/// What became of a trigger.
#[derive(Debug, Clone, Default)]
pub struct Triggered {
    /// The job's state; `None` if there is no such job.
    pub state: Option<String>,
    /// How many instances of the job may run, and how many wait.
    pub slots: i16,
    pub queue: i16,
    /// The instance that was made.
    pub made: Option<Ready>,
    /// The instance that waits to start.
    pub queued: Option<i64>,
}

/// A trigger by hand.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub job_id: i64,
    /// Instead of the job's own.
    pub param: Option<&'a Value>,
    /// Instead of the job's own.
    pub priority: Option<i16>,
    /// How long to wait first.
    pub delay_ms: i64,
}

/// `trigger.sql` for a job that queues and replaces nothing, as most, and without a delay.
static TRIGGER_PLAIN: LazyLock<&str> = LazyLock::new(|| form::plain(TRIGGER).leak());
const TRIGGER: &str = include_str!("sql/trigger.sql");

/// Makes instances of waiting jobs by hand, with their shards. No job may be named twice.
pub async fn trigger(
    conn: &mut PgConnection,
    server: Uuid,
    by: Trigger,
    jobs: &[Asked<'_>],
) -> sqlx::Result<Vec<Triggered>> {
    // Only of one alone: what is passed over takes a second statement, and many are made by one or not at all.
    if let [Asked { delay_ms: 0, .. }] = jobs {
        let made = trigger_by(&TRIGGER_PLAIN, conn, server, by, jobs).await?;
        if made.iter().all(|made| made.state.is_some()) {
            return Ok(made);
        }
    }
    trigger_by(TRIGGER, conn, server, by, jobs).await
}

/// Does so by one form of the statement.
async fn trigger_by(
    statement: &'static str,
    conn: &mut PgConnection,
    server: Uuid,
    by: Trigger,
    jobs: &[Asked<'_>],
) -> sqlx::Result<Vec<Triggered>> {
    let rows = sqlx::query(statement)
        .bind(jobs.iter().map(|job| job.job_id).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.param).collect::<Vec<_>>())
        .bind(server)
        .bind(jobs.iter().map(|job| job.priority).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.delay_ms).collect::<Vec<_>>())
        .bind(by.name())
        .fetch_all(conn)
        .await?;
    let mut triggered = vec![Triggered::default(); jobs.len()];
    let mut made: HashMap<i64, Ready> = HashMap::new();
    let mut queued: HashMap<i64, i64> = HashMap::new();
    for row in rows {
        let ord: Option<i64> = row.try_get("ord")?;
        if ord.is_none() {
            if row.try_get::<Option<i32>, _>("total")?.is_none() {
                queued.insert(row.try_get("job_id")?, row.try_get("id")?);
                continue;
            }
            let ready = Ready::from_row(&row)?;
            made.insert(ready.job_id, ready);
        } else if let Some(at) = ord.and_then(|ord| triggered.get_mut(ord as usize - 1)) {
            at.state = row.try_get("state")?;
            at.slots = row.try_get("slots")?;
            at.queue = row.try_get("queue")?;
        }
    }
    for (job, at) in jobs.iter().zip(&mut triggered) {
        at.made = made.remove(&job.job_id);
        at.queued = queued.remove(&job.job_id);
    }
    Ok(triggered)
}

/// Which of `ids` are running plans.
pub async fn plans(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<HashSet<i64>> {
    let plans: Vec<i64> =
        sqlx::query_scalar("select id from instance where id = any($1) and phase = 'plan'")
            .bind(ids)
            .fetch_all(conn)
            .await?;
    Ok(plans.into_iter().collect())
}

/// The instance that an earlier trigger with the same key made.
pub async fn triggered_before(
    conn: &mut PgConnection,
    job_id: i64,
    key: &str,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("select instance_id from trigger_key where job_id = $1 and key = $2")
        .bind(job_id)
        .bind(key)
        .fetch_optional(conn)
        .await
}

/// Takes the key of a trigger, for the instance that is to be made. `false` if somebody else has it. Waits for another
/// transaction that is using it, for a moment only, as a connection waits with it: an error of which
/// [`is_lock_timeout`](super::pool::is_lock_timeout) is true then.
pub async fn take_trigger_key(
    conn: &mut PgConnection,
    job_id: i64,
    key: &str,
) -> sqlx::Result<bool> {
    sqlx::query("set local lock_timeout = '20ms'")
        .execute(&mut *conn)
        .await?;
    let done = sqlx::query(
        "insert into trigger_key (job_id, key, instance_id) values ($1, $2, 0) on conflict do nothing",
    )
    .bind(job_id)
    .bind(key)
    .execute(&mut *conn)
    .await?;
    sqlx::query("set local lock_timeout to default")
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Names the instance of a key that was taken in this transaction.
pub async fn name_triggered(
    conn: &mut PgConnection,
    job_id: i64,
    key: &str,
    instance_id: i64,
) -> sqlx::Result<()> {
    sqlx::query("update trigger_key set instance_id = $3 where job_id = $1 and key = $2")
        .bind(job_id)
        .bind(key)
        .bind(instance_id)
        .execute(conn)
        .await?;
    Ok(())
}

/// Forgets keys whose instances are known no longer: `days` after they ended their history is dropped. What is younger is
/// not looked for, and of what is a day older most is gone.
pub async fn prune_triggers(conn: &mut PgConnection, days: i32) -> sqlx::Result<()> {
    sqlx::query(
        "delete from trigger_key k where k.created_at < now() - ($1 + 1) * interval '1 day'
            and not exists (select from instance_queued q where q.id = k.instance_id)
            and not exists (select from instance i where i.id = k.instance_id)
            and not exists (select from instance_ended e where e.id = k.instance_id)",
    )
    .bind(days)
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the running instances of a job, ids ascending. The lock keeps reports and rescues out.
pub async fn lock_of_job(conn: &mut PgConnection, job_id: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select id from instance where job_id = $1 order by id for update")
        .bind(job_id)
        .fetch_all(conn)
        .await
}

/// Locks those of `ids` that are running, ids ascending.
pub async fn lock(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar("select id from instance where id = any($1) order by id for update")
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// Ends every shard of the locked instances that has not ended.
///
/// Each statement has a snapshot of its own: a claim that commits while one waits for its rows is seen by the
/// next. Such a claim may have put back the rest of a row of the queue, so the queue is emptied until none is
/// left; nothing else adds to it while the instances are locked.
///
/// They end as `outcome`, those that wait for the reason `error`, if one is given.
pub async fn end_shards(
    conn: &mut PgConnection,
    ids: &[i64],
    outcome: &str,
    error: Option<&str>,
) -> sqlx::Result<()> {
    loop {
        sqlx::query(
            "with gone as (delete from shard_ready where instance_id = any($1) returning instance_id, item, n, attempt)
             insert into attempt_ended (instance_id, job_id, job_version, chunk, attempt, final, outcome, mask, errors)
             select instance_id, job_id, job_version, (item / 64)::smallint, attempt, true, $2, chunk_mask(item, n),
                case when $3 is not null then array_fill($3::text, array[n::integer]) end
             from gone join instance i on i.id = gone.instance_id",
        )
        .bind(ids)
        .bind(outcome)
        .bind(error)
        .execute(&mut *conn)
        .await?;
        let left: bool = sqlx::query_scalar(
            "select exists (select from shard_ready where instance_id = any($1))",
        )
        .bind(ids)
        .fetch_one(&mut *conn)
        .await?;
        if !left {
            break;
        }
    }
    sqlx::query(
        "with gone as (delete from shard_delayed where instance_id = any($1) returning instance_id, item, attempt)
         insert into attempt_ended (instance_id, job_id, job_version, chunk, attempt, final, outcome, mask, errors)
         select instance_id, job_id, job_version, (item / 64)::smallint, attempt, true, $2, chunk_mask(item, 1),
            case when $3 is not null then array[$3] end
         from gone join instance i on i.id = gone.instance_id",
    )
    .bind(ids)
    .bind(outcome)
    .bind(error)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "with gone as (delete from shard_running where instance_id = any($1) returning *)
         insert into attempt_ended (instance_id, job_id, job_version, chunk, attempt, final, outcome, mask, client_id, claimed_at)
         select instance_id, job_id, job_version, chunk, attempt, true, $2, open, client_id, claimed_at
         from gone join instance i on i.id = gone.instance_id",
    )
    .bind(ids)
    .bind(outcome)
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves the locked instances to history. With a `state` what had not ended counts as cancelled; without one it has
/// failed, and so has the instance if that is more than its job allows.
pub async fn end(
    conn: &mut PgConnection,
    ids: &[i64],
    state: Option<&str>,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "with gone as (delete from instance where id = any($1) returning *), ended as (
            select g.*, case when $2 is null then remaining else 0 end as lost,
                coalesce($2, case when failed + remaining > allowed_failures(job_id, job_version) then 'failed' else 'succeeded' end) as state
            from gone g
         ), followed as (
            insert into dependency_event (instance_id, job_id, state)
            select id, job_id, state from ended e where exists (select from job_dependency d where d.predecessor_id = e.job_id)
         )
         insert into instance_ended (id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, param,
            server_id, total, succeeded, failed, cancelled, reason, priority, cause_id, plan, phase)
         select id, job_id, app_id, job_version, state, trigger, scheduled_at, fired_at, param,
            server_id, total, succeeded, failed + lost, remaining - lost, $3, priority, cause_id, plan, phase from ended",
    )
    .bind(ids)
    .bind(state)
    .bind(reason)
    .execute(conn)
    .await?;
    Ok(())
}

/// Running instances that have taken longer than their job allows.
pub async fn overdue(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(include_str!("sql/overdue_instances.sql"))
        .bind(limit)
        .fetch_all(conn)
        .await
}

/// Of `ids`, those that are running.
pub async fn running(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar(include_str!("sql/running_instances.sql"))
        .bind(ids)
        .fetch_all(conn)
        .await
}

/// A broadcast of which shards wait and none runs.
#[derive(Debug, sqlx::FromRow)]
pub struct Stalled {
    pub id: i64,
    pub app_id: i64,
    pub job_id: i64,
    /// Of the definition that says now who may run it.
    pub version: i32,
    /// Who lives and may be given one of the shards that wait.
    pub clients: Vec<Uuid>,
}

/// Locks broadcasts of which shards wait and none runs, with the shards that wait: nobody can claim them meanwhile, and who
/// may is asked after that.
pub async fn lock_stalled(conn: &mut PgConnection) -> sqlx::Result<Vec<Stalled>> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "select i.id from instance i
         where i.phase = 'broadcast'
            and exists (select from shard_ready r where r.instance_id = i.id)
            and not exists (select from shard_running r where r.instance_id = i.id)
         order by i.id for update of i skip locked",
    )
    .fetch_all(&mut *conn)
    .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // One that is being claimed is waited for, and is gone then.
    let ids: Vec<i64> = sqlx::query_scalar(
        "select instance_id from shard_ready where instance_id = any($1) order by instance_id, id for update",
    )
    .bind(ids)
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query_as(
        "select i.id, i.app_id, i.job_id, coalesce(s.version, i.job_version) as version, array(select broadcast_takers(i.id)) as clients
         from instance i left join job_schedule s on s.job_id = i.job_id
         where i.id = any($1) and not exists (select from shard_running r where r.instance_id = i.id)
         order by i.id",
    )
    .bind(ids)
    .fetch_all(conn)
    .await
}
