//! Rows that never change, kept in memory: versions of definitions, and clients.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use antares_protocol::job::JobSpec;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::store;
use crate::store::client::Profile;

/// Most entries; past it the cache starts over.
const MOST: usize = 20_000;

/// Versions of definitions, by job and version.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<HashMap<(i64, i32), Arc<JobSpec>>>);

impl Jobs {
    /// The definition of a version, if it is here already.
    pub fn known(&self, job: i64, version: i32) -> Option<Arc<JobSpec>> {
        let cache = self.0.lock().expect("no holder panics");
        cache.get(&(job, version)).cloned()
    }

    /// The definitions of `keys`, which are a job and a version each, as far as there are any. At most one
    /// statement, however many are not known yet.
    pub async fn get(
        &self,
        pool: &PgPool,
        keys: &[(i64, i32)],
    ) -> sqlx::Result<HashMap<(i64, i32), Arc<JobSpec>>> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut unknown = Vec::new();
        self.look_up(keys, &mut found, &mut unknown);
        if unknown.is_empty() {
            return Ok(found);
        }
        let mut conn = pool.acquire().await?;
        self.read(&mut conn, &unknown, &mut found).await?;
        Ok(found)
    }

    /// As [`Jobs::get`], on a connection that the caller has.
    pub async fn get_on(
        &self,
        conn: &mut PgConnection,
        keys: &[(i64, i32)],
    ) -> sqlx::Result<HashMap<(i64, i32), Arc<JobSpec>>> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut unknown = Vec::new();
        self.look_up(keys, &mut found, &mut unknown);
        if !unknown.is_empty() {
            self.read(conn, &unknown, &mut found).await?;
        }
        Ok(found)
    }

    fn look_up(
        &self,
        keys: &[(i64, i32)],
        found: &mut HashMap<(i64, i32), Arc<JobSpec>>,
        unknown: &mut Vec<(i64, i32)>,
    ) {
        let cache = self.0.lock().expect("no holder panics");
        for key in keys {
            match cache.get(key) {
                Some(spec) => drop(found.insert(*key, Arc::clone(spec))),
                None => unknown.push(*key),
            }
        }
        // Most are asked for twice, as what was fired and as what holds now, and a definition is dear to read.
        unknown.sort_unstable();
        unknown.dedup();
    }

    async fn read(
        &self,
        conn: &mut PgConnection,
        unknown: &[(i64, i32)],
        found: &mut HashMap<(i64, i32), Arc<JobSpec>>,
    ) -> sqlx::Result<()> {
        let read = store::job::versions(conn, unknown).await?;
        let mut cache = self.0.lock().expect("no holder panics");
        if cache.len() + read.len() > MOST {
            cache.clear();
        }
        for (job, version, spec) in read {
            let spec = Arc::new(spec.0);
            cache.insert((job, version), Arc::clone(&spec));
            found.insert((job, version), spec);
        }
        Ok(())
    }
}

/// Clients, by id. Their leases are not cached: those are checked where it matters, in SQL.
#[derive(Debug, Default)]
pub struct Clients(Mutex<HashMap<Uuid, Arc<Profile>>>);

impl Clients {
    /// The client, or `None` if there is none or it has left.
    pub async fn get(&self, pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Arc<Profile>>> {
        let known = self.0.lock().expect("no holder panics").get(&id).cloned();
        match known {
            Some(client) => Ok(Some(client)),
            // On the heap: what waits for a minute at the server calls this.
            None => Box::pin(self.read(pool, id)).await,
        }
    }

    async fn read(&self, pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Arc<Profile>>> {
        let mut conn = pool.acquire().await?;
        let Some(client) = store::client::profile(&mut conn, id).await? else {
            return Ok(None);
        };
        let client = Arc::new(client);
        let mut cache = self.0.lock().expect("no holder panics");
        if cache.len() >= MOST {
            cache.clear();
        }
        cache.insert(id, Arc::clone(&client));
        Ok(Some(client))
    }

    /// Forgets a client that has left.
    pub fn forget(&self, id: Uuid) {
        self.0.lock().expect("no holder panics").remove(&id);
    }
}
