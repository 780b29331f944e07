//! Rows that never change, kept in memory: versions of definitions, and clients.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use antares_protocol::job::JobSpec;
use sqlx::PgPool;
use uuid::Uuid;

use crate::store;
use crate::store::client::Profile;

/// Most entries; past it the cache starts over.
const MOST: usize = 20_000;

/// Versions of definitions, by job and version.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<HashMap<(i64, i32), Arc<JobSpec>>>);

impl Jobs {
    /// The definition, or `None` if there is no such version.
    pub async fn get(
        &self,
        pool: &PgPool,
        job_id: i64,
        version: i32,
    ) -> sqlx::Result<Option<Arc<JobSpec>>> {
        if let Some(spec) = self
            .0
            .lock()
            .expect("no holder panics")
            .get(&(job_id, version))
        {
            return Ok(Some(Arc::clone(spec)));
        }
        let mut conn = pool.acquire().await?;
        let Some(spec) = store::job::version(&mut conn, job_id, version).await? else {
            return Ok(None);
        };
        let spec = Arc::new(spec.0);
        let mut cache = self.0.lock().expect("no holder panics");
        if cache.len() >= MOST {
            cache.clear();
        }
        cache.insert((job_id, version), Arc::clone(&spec));
        Ok(Some(spec))
    }
}

/// Clients, by id. Their leases are not cached: those are checked where it matters, in SQL.
#[derive(Debug, Default)]
pub struct Clients(Mutex<HashMap<Uuid, Arc<Profile>>>);

impl Clients {
    /// The client, or `None` if there is none or it has left.
    pub async fn get(&self, pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Arc<Profile>>> {
        if let Some(client) = self.0.lock().expect("no holder panics").get(&id) {
            return Ok(Some(Arc::clone(client)));
        }
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
