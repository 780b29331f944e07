//! What a replica knows of its own health, for `/readyz` and the log.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Parts of a replica that can be in trouble, each with what the trouble is.
#[derive(Debug, Default)]
pub struct Health {
    troubles: Mutex<BTreeMap<&'static str, String>>,
    notices: Mutex<BTreeMap<&'static str, String>>,
}

impl Health {
    /// A replica that has not started yet.
    pub fn starting() -> Self {
        let health = Self::default();
        health.trouble("start", "the server is starting");
        health
    }

    /// Notes a trouble. Returns whether it is new, so that it is logged once.
    pub fn trouble(&self, part: &'static str, what: impl Into<String>) -> bool {
        let mut troubles = self.troubles.lock().expect("no holder panics");
        troubles.insert(part, what.into()).is_none()
    }

    /// Notes that a part is well. Returns whether it was in trouble.
    pub fn well(&self, part: &'static str) -> bool {
        self.troubles
            .lock()
            .expect("no holder panics")
            .remove(part)
            .is_some()
    }

    /// All troubles; empty when the replica is ready.
    pub fn troubles(&self) -> BTreeMap<&'static str, String> {
        self.troubles.lock().expect("no holder panics").clone()
    }

    /// Notes what an operator should know of and see to, though the replica can work without. Returns whether
    /// it is new.
    pub fn notice(&self, part: &'static str, what: impl Into<String>) -> bool {
        let mut notices = self.notices.lock().expect("no holder panics");
        notices.insert(part, what.into()).is_none()
    }

    /// Notes that a notice is settled. Returns whether there was one.
    pub fn settled(&self, part: &'static str) -> bool {
        self.notices
            .lock()
            .expect("no holder panics")
            .remove(part)
            .is_some()
    }

    /// All notices.
    pub fn notices(&self) -> BTreeMap<&'static str, String> {
        self.notices.lock().expect("no holder panics").clone()
    }
}
