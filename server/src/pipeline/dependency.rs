//! Jobs follow others: what a definition says of that, and what happens when an instance has ended.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use antares_protocol::MAX_DEPTH;
use antares_protocol::job::JobSpec;
use antares_protocol::json::{is_too_deep, rounded_integer};
use antares_protocol::policy::{DependencyOn, Join, Pass};
use antares_protocol::shard::MAX_SHARDS;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::attempt::MAX_PLAN;
use super::job::JobError;
use crate::domain::job::{FieldError, holds_nul};
use crate::store::dependency::{self, Edge, Event};
use crate::store::{pool, queue};

/// Most events taken up in one transaction.
const MOST_EVENTS: i64 = 100;

/// Writes down which jobs the job `id`, locked, of `app` follows.
pub async fn save(
    conn: &mut PgConnection,
    id: i64,
    app: &str,
    spec: &JobSpec,
) -> Result<(), JobError> {
    if spec.depends_on.is_empty() && dependency::of(conn, id).await?.is_empty() {
        return Ok(());
    }
    dependency::lock_all(conn).await?;
    let joins = match spec.join {
        Join::All => "all",
        Join::Any => "any",
    };
    let mut edges: Vec<Edge> = Vec::with_capacity(spec.depends_on.len());
    for (index, wanted) in spec.depends_on.iter().enumerate() {
        let app = wanted.app.as_deref().unwrap_or(app);
        let found = dependency::find(conn, app, &wanted.job).await?;
        let predecessor_id = found.ok_or_else(|| {
            JobError::Spec(FieldError::new(
                format!("depends_on[{index}].job"),
                format!(
                    "the app `{app}` has no job `{}`; create it first",
                    wanted.job
                ),
            ))
        })?;
        if edges
            .iter()
            .any(|edge| edge.predecessor_id == predecessor_id)
        {
            return Err(JobError::Spec(FieldError::new(
                format!("depends_on[{index}].job"),
                format!(
                    "`{}` of `{app}` is named twice; remove one of them",
                    wanted.job
                ),
            )));
        }
        edges.push(Edge {
            predecessor_id,
            on_end: match wanted.on {
                DependencyOn::Success => "success",
                DependencyOn::Failure => "failure",
                DependencyOn::Completion => "completion",
                DependencyOn::Always => "always",
            },
            pass: match wanted.pass {
                Pass::Nothing => "nothing",
                Pass::Param => "param",
                Pass::Outputs => "outputs",
            },
            joins,
        });
    }
    let mut successors: HashMap<i64, Vec<i64>> = HashMap::new();
    for (from, to) in dependency::all(conn).await? {
        if to != id {
            successors.entry(from).or_default().push(to);
        }
    }
    for edge in &edges {
        successors.entry(edge.predecessor_id).or_default().push(id);
    }
    if let Some(cycle) = cycle_through(id, &successors) {
        let names: HashMap<i64, String> = dependency::names(conn, &cycle)
            .await?
            .into_iter()
            .map(|(id, app, job)| (id, format!("{app}/{job}")))
            .collect();
        let path: Vec<&str> = cycle
            .iter()
            .map(|id| names.get(id).map_or("?", String::as_str))
            .collect();
        return Err(JobError::Spec(FieldError::new(
            "depends_on",
            format!("makes a cycle: {}; break it somewhere", path.join(" → ")),
        )));
    }
    dependency::put(conn, id, &edges).await?;
    Ok(())
}

/// A way from `start` along `successors` back to it, with it at both ends.
fn cycle_through(start: i64, successors: &HashMap<i64, Vec<i64>>) -> Option<Vec<i64>> {
    let mut came_from: HashMap<i64, i64> = HashMap::new();
    let mut to_visit = vec![start];
    while let Some(at) = to_visit.pop() {
        for &next in successors.get(&at).into_iter().flatten() {
            if next == start {
                let mut path = vec![start, at];
                while let Some(&before) = path.last().and_then(|last| came_from.get(last)) {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if let Entry::Vacant(unseen) = came_from.entry(next) {
                unseen.insert(at);
                to_visit.push(next);
            }
        }
    }
    None
}

/// Queues the instance that a plan is for, with a shard for each element of the plan's output. What cannot be carried out
/// ends at once. Returns how many wait to start.
async fn carry_out(conn: &mut PgConnection, plan_id: i64) -> sqlx::Result<u64> {
    let output = queue::plan_of(conn, plan_id).await?.unwrap_or_default();
    let plan: Result<Vec<Value>, String> = serde_json::from_str(&output).map_err(|error| {
        if output.len() + 4 > MAX_PLAN {
            return format!("the plan is longer than {MAX_PLAN} bytes");
        }
        if is_too_deep(output.as_bytes()) {
            return format!("the plan is nested more than {MAX_DEPTH} deep");
        }
        format!("the plan is not a JSON array: {error}")
    });
    let plan = plan.and_then(|plan| {
        if plan.len() > MAX_SHARDS as usize {
            let n = plan.len();
            return Err(format!(
                "the plan has {n} shards; the limit is {MAX_SHARDS}"
            ));
        }
        if is_too_deep(output.as_bytes()) {
            return Err(format!("the plan is nested more than {MAX_DEPTH} deep"));
        }
        if let Some((_, number)) = rounded_integer(output.as_bytes()) {
            return Err(format!(
                "the plan holds {number}, an integer beyond 64 bits, which would be rounded: write it as a string"
            ));
        }
        // What PostgreSQL cannot store would stop whatever is to start after it.
        if plan.iter().any(holds_nul) {
            return Err("the plan holds the character U+0000, which cannot be stored".to_owned());
        }
        Ok(plan)
    });
    let (params, end) = match plan {
        Ok(plan) if plan.is_empty() => (
            plan,
            Some(("succeeded", "the plan has no shards".to_owned())),
        ),
        Ok(plan) => (plan, None),
        Err(error) => (Vec::new(), Some(("failed", error))),
    };
    let id = queue::queue_planned(conn, plan_id, &Value::Array(params)).await?;
    match end {
        None => Ok(1),
        Some((state, reason)) => {
            queue::end(conn, queue::Ending::These(&[id]), state, &reason).await?;
            Ok(0)
        }
    }
}

/// Takes up one event. Returns how many instances it queued.
async fn take_up(conn: &mut PgConnection, server: Uuid, event: &Event) -> sqlx::Result<u64> {
    if event.state == "planned" {
        carry_out(conn, event.instance_id).await
    } else {
        dependency::follow(conn, server, event).await
    }
}

/// As [`take_up`], in a transaction within that of the others: what cannot be stored of one is given up, and must not keep
/// the others from being taken up, now and for ever.
async fn take_up_apart(conn: &mut PgConnection, server: Uuid, event: &Event) -> sqlx::Result<u64> {
    let mut tx = conn.begin().await?;
    match take_up(&mut tx, server, event).await {
        Ok(queued) => {
            tx.commit().await?;
            Ok(queued)
        }
        Err(error) if pool::is_bad_data(&error) => {
            tx.rollback().await?;
            tracing::error!(
                %error,
                instance_id = event.instance_id,
                "nothing follows this instance, because what it hands on cannot be stored"
            );
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

/// Takes up the ends of instances that something may follow. Returns how many instances it queued, and whether there may
/// be more to take up.
pub async fn follow(conn: &mut PgConnection, server: Uuid) -> sqlx::Result<(u64, bool)> {
    match follow_all(conn, server, false).await {
        // Rare enough to find out which one it was only now: apart, each costs three more round trips.
        Err(error) if pool::is_bad_data(&error) => follow_all(conn, server, true).await,
        done => done,
    }
}

/// Does so in one transaction, with each event `apart` or not.
async fn follow_all(
    conn: &mut PgConnection,
    server: Uuid,
    apart: bool,
) -> sqlx::Result<(u64, bool)> {
    let mut tx = conn.begin().await?;
    let events = dependency::lock_events(&mut tx, MOST_EVENTS).await?;
    if events.is_empty() {
        return Ok((0, false));
    }
    let predecessors: Vec<i64> = events.iter().map(|event| event.job_id).collect();
    dependency::lock_followers(&mut tx, &predecessors).await?;
    let mut queued = 0;
    for event in &events {
        queued += if apart {
            take_up_apart(&mut tx, server, event).await?
        } else {
            take_up(&mut tx, server, event).await?
        };
    }
    let ids: Vec<i64> = events.iter().map(|event| event.id).collect();
    dependency::forget_events(&mut tx, &ids).await?;
    tx.commit().await?;
    Ok((queued, events.len() as i64 == MOST_EVENTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_found_and_named_in_order() {
        let edges = |pairs: &[(i64, i64)]| {
            let mut successors: HashMap<i64, Vec<i64>> = HashMap::new();
            for (from, to) in pairs {
                successors.entry(*from).or_default().push(*to);
            }
            successors
        };
        assert_eq!(cycle_through(1, &edges(&[(1, 2), (2, 3)])), None);
        assert_eq!(cycle_through(1, &edges(&[(1, 1)])), Some(vec![1, 1]));
        assert_eq!(
            cycle_through(1, &edges(&[(1, 2), (2, 3), (3, 1), (2, 4)])),
            Some(vec![1, 2, 3, 1])
        );
        // A cycle elsewhere is not this job's.
        assert_eq!(cycle_through(1, &edges(&[(1, 2), (2, 3), (3, 2)])), None);
    }
}
