//! When the leases of all clients are to be renewed.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

/// The leases, by when they are due.
#[derive(Default)]
pub(super) struct Leases {
    clients: HashMap<Rc<str>, Lease>,
    due: BTreeSet<(Instant, Rc<str>)>,
}

struct Lease {
    /// How often to renew while it holds something.
    every: Duration,
    due: Instant,
}

impl Leases {
    pub(super) fn registered(&mut self, id: Rc<str>, every: Duration) {
        let due = Instant::now() + every;
        self.due.insert((due, Rc::clone(&id)));
        self.clients.insert(id, Lease { every, due });
    }

    pub(super) fn forget(&mut self, id: &Rc<str>) {
        if let Some(lease) = self.clients.remove(id) {
            self.due.remove(&(lease.due, Rc::clone(id)));
        }
    }

    /// Those that are to be renewed. Each waits for the answer before it is due again.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Rc<str>> {
        let later = self.due.split_off(&(now, Rc::from("")));
        std::mem::replace(&mut self.due, later)
            .into_iter()
            .map(|(_, id)| id)
            .collect()
    }

    /// The answer said to renew again after `every`.
    pub(super) fn renewed(&mut self, id: &Rc<str>, every: Duration) {
        self.set_due(id, every);
    }

    /// It holds a shard now, or has to try again: a long lease is over.
    pub(super) fn claimed(&mut self, id: &Rc<str>) {
        if let Some(lease) = self.clients.get(id) {
            self.set_due(id, lease.every);
        }
    }

    /// Due after `every`, or sooner if it is due sooner already.
    fn set_due(&mut self, id: &Rc<str>, every: Duration) {
        let Some(lease) = self.clients.get_mut(id) else {
            return;
        };
        let due = Instant::now() + every;
        let is_due = self.due.remove(&(lease.due, Rc::clone(id)));
        lease.due = if is_due { lease.due.min(due) } else { due };
        self.due.insert((lease.due, Rc::clone(id)));
    }
}
