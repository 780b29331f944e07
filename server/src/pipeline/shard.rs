//! Renewal: which handlers of a client are to stop, and which claims never reached it.

use std::collections::{HashMap, HashSet};

use antares_protocol::client::{Cancel, CancelReason, ClaimToken};
use antares_protocol::shard::split_shard_id;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::chunk;
use crate::store::{client, instance, shard};

/// What a renewal found about one client.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    /// Whether the client holds nothing, and has the long lease.
    pub idle: bool,
    /// Handlers to stop.
    pub cancel: Vec<Cancel>,
}

/// Renews the leases of clients, given what each says it runs.
///
/// Answers for those whose lease stood, and returns claims older than a lease that their client does not
/// know of: the answer to the claim was lost on its way.
pub async fn renew(
    conn: &mut PgConnection,
    running: &HashMap<Uuid, Vec<ClaimToken>>,
    lease_ms: i64,
    idle_lease_ms: i64,
) -> sqlx::Result<(HashMap<Uuid, Renewal>, Vec<shard::Held>)> {
    let mut ids: Vec<Uuid> = running.keys().copied().collect();
    ids.sort_unstable();
    let renewed = client::renew(conn, &ids, lease_ms, idle_lease_ms).await?;

    let mut held_by: HashMap<Uuid, HashSet<ClaimToken>> = HashMap::new();
    let mut unknown = Vec::new();
    for &claim in renewed.values().flat_map(|lease| &lease.held) {
        held_by
            .entry(claim.client_id)
            .or_default()
            .extend(claim.tokens());
        if claim.old {
            let mut lost = claim;
            for token in &running[&claim.client_id] {
                let (instance, chunk, bit) = chunk::locate(token.shard_id);
                if (instance, chunk, token.attempt)
                    == (claim.instance_id, claim.chunk, claim.attempt)
                {
                    lost.open &= !(1 << bit);
                }
            }
            if lost.open != 0 {
                unknown.push(lost);
            }
        }
    }
    let mut answers: HashMap<Uuid, Renewal> = HashMap::new();
    let mut over: Vec<(Uuid, ClaimToken)> = Vec::new();
    for (id, lease) in renewed {
        let renewal = Renewal {
            idle: lease.idle,
            cancel: Vec::new(),
        };
        answers.insert(id, renewal);
        let held = held_by.get(&id);
        over.extend(
            running[&id]
                .iter()
                .filter(|token| !held.is_some_and(|held| held.contains(token)))
                .map(|token| (id, *token)),
        );
    }
    if !over.is_empty() {
        let instances: Vec<i64> = over
            .iter()
            .map(|(_, t)| split_shard_id(t.shard_id).0)
            .collect();
        let alive: HashSet<i64> = instance::running(conn, &instances)
            .await?
            .into_iter()
            .collect();
        for (id, token) in over {
            let reason = if alive.contains(&split_shard_id(token.shard_id).0) {
                CancelReason::Lost
            } else {
                CancelReason::Ended
            };
            if let Some(answer) = answers.get_mut(&id) {
                answer.cancel.push(Cancel {
                    shard_id: token.shard_id,
                    attempt: token.attempt,
                    reason,
                });
            }
        }
    }
    Ok((answers, unknown))
}
