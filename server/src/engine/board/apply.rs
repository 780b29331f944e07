//! What a claim answered corrects the guess.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::{Board, Given};
use crate::store::shard::{Claim, Proposal};

/// What one statement did to an instance.
struct Round {
    mark: i64,
    /// How many rows of the queue it looked at, at most.
    looked_at: i32,
    asked: i64,
    got: i64,
    /// Rows that it took shards from.
    rows: HashSet<i64>,
}

/// What came out of a claim.
#[derive(Debug)]
pub struct Applied<T> {
    /// Who gets what.
    pub given: Vec<(T, Uuid, Vec<Given>)>,
    /// Clients that the statement did not consider.
    pub passed_over: Vec<Uuid>,
    /// Whether asking again may find shards that this round did not look at.
    pub again: bool,
}

impl<T> Board<T> {
    /// Takes in what the statement answered to `proposals`.
    pub fn apply(&mut self, proposals: &[Proposal], claims: &[Claim]) -> Applied<T> {
        let mut given: BTreeMap<Uuid, Vec<Given>> = BTreeMap::new();
        let mut answered: HashSet<(Uuid, i64)> = HashSet::new();
        let mut rounds: HashMap<i64, Round> = HashMap::new();
        for proposal in proposals {
            rounds.entry(proposal.instance_id).or_insert(Round {
                mark: proposal.mark,
                looked_at: proposal.rows,
                asked: 0,
                got: 0,
                rows: HashSet::new(),
            });
        }
        for claim in claims {
            let Some(proposal) = usize::try_from(claim.ord - 1)
                .ok()
                .and_then(|at| proposals.get(at))
            else {
                continue;
            };
            let (client, instance) = (proposal.client_id, proposal.instance_id);
            let Some(round) = rounds.get_mut(&instance) else {
                continue;
            };
            let Some(run) = claim.run else {
                answered.insert((client, instance));
                round.asked += claim.allowed;
                if claim.allowed == 0 {
                    self.block(client, instance);
                }
                continue;
            };
            round.got += i64::from(run.n);
            round.rows.insert(run.id);
            let Some(entry) = self.instances.get_mut(&instance) else {
                continue;
            };
            entry.left -= i32::from(run.n);
            // A row that is not used up is looked at again.
            let mark = if run.whole { run.id } else { run.id - 1 };
            if mark > entry.mark {
                if entry.mark == 0 {
                    entry.marked_at = Instant::now();
                }
                entry.mark = mark;
            }
            given.entry(client).or_default().push(Given {
                known: Arc::clone(&entry.known),
                item: run.item,
                n: run.n,
                attempt: run.attempt,
            });
        }
        let mut again = false;
        for (instance, round) in rounds {
            let Some(entry) = self.instances.get_mut(&instance) else {
                continue;
            };
            if round.got >= round.asked {
                if entry.left <= 0 {
                    self.forget(instance);
                }
            } else if round.rows.len() as i32 >= round.looked_at {
                // There were rows enough, but with fewer shards in each than was thought.
                entry.width = (round.got / i64::from(round.looked_at)).max(1) as i32;
                entry.left = entry.left.max(1);
                again = true;
            } else if round.mark == 0 {
                self.forget(instance);
            } else {
                // Nothing above the mark: look below it once before giving up on the instance.
                entry.mark = 0;
                entry.left = entry.left.max(1);
                again = true;
            }
        }
        let mut passed_over: Vec<Uuid> = proposals
            .iter()
            .filter(|p| !answered.contains(&(p.client_id, p.instance_id)))
            .map(|p| p.client_id)
            .collect();
        passed_over.dedup();
        let given = given
            .into_iter()
            .filter_map(|(client, shards)| Some((self.take_client(client)?, client, shards)))
            .collect();
        Applied {
            given,
            passed_over,
            again,
        }
    }
}
