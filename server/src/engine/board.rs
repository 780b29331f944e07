//! Which waiting client gets shards of which instance: the claimer's memory.
//!
//! All of it is a guess that the claim statement checks: another replica may have taken the shards, a
//! client may hold as many of an instance as it may. What the statement answers corrects the guess.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::domain::chunk::CHUNK;
use crate::store::client::Profile;
use crate::store::limit;
use crate::store::shard::{Proposal, Ready};

pub use apply::Applied;
pub use known::Known;

/// Most shards that one statement claims.
pub const MOST_SHARDS: u32 = 1000;
/// Most pairs of client and instance that one statement considers.
const MOST_PROPOSALS: usize = 1000;
/// How long a mark stands before everything above zero is looked at again. Shards of slower transactions
/// can become visible below the mark.
const MARK_LASTS: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Entry {
    known: Arc<Known>,
    /// How many shards may be left, at most.
    left: i32,
    /// Shards up to this place in the queue have been handed out.
    mark: i64,
    /// How many shards a row of the queue has, as far as is known: requeued ones stand alone.
    width: i32,
    marked_at: Instant,
}

impl Entry {
    /// How many shards of the instance one client may hold at once; 0 for no limit, -1 for one in all. A limit that the instance
    /// has too few shards to reach is none, and the statement need not count.
    fn cap(&self) -> i32 {
        if self.known.ready.phase == "broadcast" {
            return -1;
        }
        let cap = self.known.job.max_shards_per_client as i32;
        if self.known.ready.total <= cap {
            0
        } else {
            cap
        }
    }
}

/// A client that waits.
#[derive(Debug)]
struct Waiter<T> {
    client: Arc<Profile>,
    max: u32,
    deadline: Instant,
    /// Instances of which the client holds as many shards as it may, or whose limit is reached.
    blocked: HashSet<i64>,
    answer: T,
}

/// Consecutive shards for a client.
#[derive(Debug, Clone)]
pub struct Given {
    pub known: Arc<Known>,
    /// The first item.
    pub item: i32,
    /// How many.
    pub n: i16,
    pub attempt: i16,
}

/// What one statement is to ask for.
#[derive(Default)]
struct Proposing {
    proposals: Vec<Proposal>,
    /// Shards in them.
    shards: u32,
    /// What they leave of each instance.
    left: HashMap<i64, i32>,
}

impl Proposing {
    fn is_full(&self) -> bool {
        self.shards >= MOST_SHARDS || self.proposals.len() >= MOST_PROPOSALS
    }
}

/// What is left of the queue of a handler while a client is served.
struct Line<'a> {
    handler: &'a str,
    first: Place,
    rest: std::collections::btree_set::Range<'a, Place>,
    /// Whether all that came before in this queue has been given out.
    leading: bool,
}

/// Where an instance stands in its queue: by priority, the highest first, and then by age.
type Place = (i32, i64);

fn place(ready: &Ready) -> Place {
    (-i32::from(ready.priority), ready.id)
}

/// Before every place, and after every one.
const START: Place = (i32::MIN, i64::MIN);
const ALL: Place = (i32::MAX, i64::MAX);

/// Waiting clients and instances with shards. `T` is how a client is answered.
#[derive(Debug)]
pub struct Board<T> {
    instances: HashMap<i64, Entry>,
    /// Instances in the order in which they are handed out, by app and handler.
    queues: HashMap<i64, HashMap<String, BTreeSet<Place>>>,
    waiters: HashMap<u64, Waiter<T>>,
    by_client: HashMap<Uuid, u64>,
    /// Who waits, in the order in which they came, by app.
    by_app: HashMap<i64, BTreeSet<u64>>,
    by_deadline: BTreeSet<(Instant, u64)>,
    next_waiter: u64,
    /// Who was held back by a limit.
    limited: HashSet<u64>,
    /// Apps that have a limit; while that is not known, any may have one.
    pub limited_apps: Option<Arc<[i64]>>,
}

impl<T> Default for Board<T> {
    fn default() -> Self {
        Self {
            instances: HashMap::new(),
            queues: HashMap::new(),
            waiters: HashMap::new(),
            by_client: HashMap::new(),
            by_app: HashMap::new(),
            by_deadline: BTreeSet::new(),
            next_waiter: 0,
            limited: HashSet::new(),
            limited_apps: None,
        }
    }
}

impl<T> Board<T> {
    /// A client waits for up to `max` shards until `deadline`. Returns how to answer an earlier wait of the
    /// same client, which this one replaces.
    pub fn wait(
        &mut self,
        client: Arc<Profile>,
        max: u32,
        deadline: Instant,
        answer: T,
    ) -> Option<T> {
        let replaced = self.take_client(client.id);
        let id = self.next_waiter;
        self.by_client.insert(client.id, id);
        self.by_app.entry(client.app_id).or_default().insert(id);
        self.by_deadline.insert((deadline, id));
        let waiter = Waiter {
            client,
            max: max.min(MOST_SHARDS),
            deadline,
            blocked: HashSet::new(),
            answer,
        };
        self.waiters.insert(id, waiter);
        self.next_waiter += 1;
        replaced
    }

    /// An instance has shards to hand out, as many as it has in all for all that is known.
    pub fn offer(&mut self, known: Known) {
        let ready = &known.ready;
        let (id, total, place) = (ready.id, ready.total, place(ready));
        let queues = self.queues.entry(ready.app_id).or_default();
        match queues.get_mut(known.handler()) {
            Some(queue) => _ = queue.insert(place),
            None => _ = queues.insert(known.handler().to_owned(), BTreeSet::from([place])),
        }
        let known = Arc::new(known);
        let entry = self.instances.entry(id).or_insert_with(|| Entry {
            known: Arc::clone(&known),
            left: total,
            mark: 0,
            width: CHUNK,
            marked_at: Instant::now(),
        });
        if !Arc::ptr_eq(&entry.known.current, &known.current) {
            entry.known = known;
        }
        entry.left = total;
        if entry.marked_at.elapsed() > MARK_LASTS {
            entry.mark = 0;
        }
    }

    /// Whether the instance is known already.
    #[cfg(test)]
    fn knows(&self, instance: i64) -> bool {
        self.instances.contains_key(&instance)
    }

    /// Whether anybody waits.
    pub fn has_waiters(&self) -> bool {
        !self.waiters.is_empty()
    }

    /// Whether anybody of the app waits.
    pub fn has_waiters_of(&self, app_id: i64) -> bool {
        self.by_app.contains_key(&app_id)
    }

    /// When the first wait ends.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out the waits that have ended by `now`, each with whether the client was held back from an instance.
    pub fn expired(&mut self, now: Instant) -> Vec<(T, bool)> {
        let ended = self.by_deadline.range(..=(now, u64::MAX));
        let ended: Vec<(u64, bool)> = ended
            .map(|(_, id)| (*id, !self.waiters[id].blocked.is_empty()))
            .collect();
        ended
            .into_iter()
            .filter_map(|(id, held_back)| Some((self.take(id)?, held_back)))
            .collect()
    }

    /// Takes out every wait.
    pub fn take_all(&mut self) -> Vec<T> {
        let ids: Vec<u64> = self.waiters.keys().copied().collect();
        ids.into_iter().filter_map(|id| self.take(id)).collect()
    }

    /// Takes out the wait of a client.
    pub fn take_client(&mut self, client: Uuid) -> Option<T> {
        self.take(*self.by_client.get(&client)?)
    }

    /// Takes out waits whose client has hung up. Returns whose they were.
    pub fn drop_closed(&mut self, is_closed: impl Fn(&T) -> bool) -> Vec<Uuid> {
        let closed = self.waiters.values().filter(|w| is_closed(&w.answer));
        let clients: Vec<Uuid> = closed.map(|waiter| waiter.client.id).collect();
        for client in &clients {
            self.take_client(*client);
        }
        clients
    }

    fn take(&mut self, id: u64) -> Option<T> {
        let waiter = self.waiters.remove(&id)?;
        self.by_client.remove(&waiter.client.id);
        self.by_deadline.remove(&(waiter.deadline, id));
        if let Some(waiting) = self.by_app.get_mut(&waiter.client.app_id) {
            waiting.remove(&id);
            if waiting.is_empty() {
                self.by_app.remove(&waiter.client.app_id);
            }
        }
        Some(waiter.answer)
    }

    /// Clients ended some of their shards: they may be allowed more of an instance again.
    pub fn unblock(&mut self, clients: &[Uuid]) {
        for client in clients {
            if let Some(waiter) = self
                .by_client
                .get(client)
                .and_then(|id| self.waiters.get_mut(id))
            {
                waiter.blocked.clear();
            }
        }
        // What they ended may have counted against limits that hold others back.
        for id in std::mem::take(&mut self.limited) {
            if let Some(waiter) = self.waiters.get_mut(&id) {
                waiter.blocked.clear();
            }
        }
    }

    /// As [`Board::unblock`], for every client: another replica may have taken their reports.
    pub fn unblock_all(&mut self) {
        for waiter in self.waiters.values_mut() {
            waiter.blocked.clear();
        }
    }

    /// What to try to claim. Apps take turns; in each, clients are served in the order in which they came, and
    /// instances by priority and then in the order in which they fired. Each client is offered its fair part of an instance, so
    /// that the first one does not take all of it. One that has hung up is passed over: its shards would only
    /// come back.
    pub fn propose(&self, has_hung_up: impl Fn(&T) -> bool) -> Vec<Proposal> {
        let mut round = Proposing::default();
        let mut apps: Vec<_> = self
            .queues
            .iter()
            .filter_map(|(app, queues)| Some((queues, self.by_app.get(app)?)))
            .map(|(queues, waiting)| (queues, waiting.len(), waiting.iter(), HashMap::new()))
            .collect();
        while !apps.is_empty() && !round.is_full() {
            apps.retain_mut(|(queues, waiting, turns, used_up)| {
                // An app is done when all its queues are used up, however many clients wait.
                if round.is_full()
                    || used_up.values().filter(|used| **used == ALL).count() == queues.len()
                {
                    return false;
                }
                let Some(waiter) = turns.next().and_then(|id| self.waiters.get(id)) else {
                    return false;
                };
                if !has_hung_up(&waiter.answer) {
                    self.propose_to(waiter, queues, *waiting, used_up, &mut round);
                }
                true
            });
        }
        let mut proposals = round.proposals;
        let mut wanted: HashMap<i64, i32> = HashMap::new();
        for proposal in &proposals {
            *wanted.entry(proposal.instance_id).or_default() += proposal.wanted;
        }
        for proposal in &mut proposals {
            let id = proposal.instance_id;
            // One more than is needed if all are full: the first may have been cut.
            proposal.rows =
                (wanted[&id] as u32).div_ceil(self.instances[&id].width as u32) as i32 + 1;
        }
        proposals
    }

    /// Adds what one client could take. `used_up` says up to which instance each queue has been given out.
    fn propose_to<'a>(
        &'a self,
        waiter: &Waiter<T>,
        queues: &'a HashMap<String, BTreeSet<Place>>,
        waiting: usize,
        used_up: &mut HashMap<&'a str, Place>,
        round: &mut Proposing,
    ) {
        let mut wanted = waiter.max.min(MOST_SHARDS - round.shards) as i32;
        let mut lines: Vec<Line<'_>> = Vec::new();
        for handler in &waiter.client.handlers {
            let Some((handler, queue)) = queues.get_key_value(handler) else {
                continue;
            };
            let from = used_up.get(handler.as_str()).copied().unwrap_or(START);
            let mut rest = queue.range((Bound::Excluded(from), Bound::Unbounded));
            match rest.next() {
                _ if from == ALL => {}
                None => _ = used_up.insert(handler, ALL),
                Some(first) => lines.push(Line {
                    handler,
                    first: *first,
                    rest,
                    leading: true,
                }),
            }
        }
        // What is first of all that the client can run, whichever handler it is for.
        while wanted > 0 && round.proposals.len() < MOST_PROPOSALS {
            let first = (0..lines.len()).min_by_key(|at| lines[*at].first);
            let Some(at) = first else {
                return;
            };
            let line = &mut lines[at];
            let place = line.first;
            let id = place.1;
            let entry = &self.instances[&id];
            let left = round.left.entry(id).or_insert(entry.left);
            if *left <= 0 {
                if line.leading {
                    used_up.insert(line.handler, place);
                }
            } else {
                line.leading = false;
                if !waiter.blocked.contains(&id) && waiter.client.may_run(&entry.known.current) {
                    let cap = entry.cap();
                    let fair = entry.left.unsigned_abs().div_ceil(waiting as u32).max(1) as i32;
                    let n = wanted.min(*left).min(fair).min(if cap == 0 {
                        i32::MAX
                    } else {
                        cap.abs()
                    });
                    *left -= n;
                    wanted -= n;
                    round.shards += n as u32;
                    round.proposals.push(Proposal {
                        client_id: waiter.client.id,
                        instance_id: id,
                        wanted: n,
                        cap,
                        // What waits for its client is passed over, and may be another's later.
                        mark: if cap < 0 { 0 } else { entry.mark },
                        timeout_ms: entry.known.job.shard_timeout_ms as i64,
                        rows: 0,
                        limits: self.limits_of(&entry.known),
                    });
                }
            }
            if let Some(next) = line.rest.next() {
                line.first = *next;
            } else {
                if line.leading {
                    used_up.insert(line.handler, ALL);
                }
                lines.swap_remove(at);
            }
        }
    }

    /// The limits that shards of an instance count against.
    fn limits_of(&self, known: &Known) -> Arc<[String]> {
        let app_id = known.ready.app_id;
        if (self.limited_apps.as_ref()).is_some_and(|limited| !limited.contains(&app_id)) {
            return Arc::clone(&known.limits);
        }
        let app = limit::of_app(app_id);
        known.limits.iter().cloned().chain([app]).collect()
    }

    fn block(&mut self, client: Uuid, instance: i64) {
        if let Some(waiter) = self
            .by_client
            .get(&client)
            .and_then(|id| self.waiters.get_mut(id))
        {
            waiter.blocked.insert(instance);
            let entry = self.instances.get(&instance);
            if entry.is_some_and(|entry| !self.limits_of(&entry.known).is_empty()) {
                self.limited.extend(self.by_client.get(&client));
            }
        }
    }

    /// Forgets all instances.
    pub fn forget_all(&mut self) {
        self.queues.clear();
        self.instances.clear();
    }

    /// Forgets the instances of an app for which nobody waits.
    pub fn forget_app(&mut self, app_id: i64) {
        let queues = self.queues.remove(&app_id).unwrap_or_default();
        for place in queues.into_values().flatten() {
            self.instances.remove(&place.1);
        }
    }

    fn forget(&mut self, instance: i64) {
        let Some(entry) = self.instances.remove(&instance) else {
            return;
        };
        let app = entry.known.ready.app_id;
        let Some(queues) = self.queues.get_mut(&app) else {
            return;
        };
        if let Some(queue) = queues.get_mut(entry.known.handler()) {
            queue.remove(&place(&entry.known.ready));
            if queue.is_empty() {
                queues.remove(entry.known.handler());
            }
        }
        if queues.is_empty() {
            self.queues.remove(&app);
        }
    }
}

mod apply;
mod known;
#[cfg(test)]
mod tests;
