//! Rows that never change, kept in memory: versions of definitions, and clients.

use std::collections::HashMap;
use std::sync::Arc;

use antares_protocol::job::JobSpec;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::store;
use crate::store::client::Profile;

/// About how many bytes of definitions are kept: some 200,000 plain ones. Reading one costs more than firing it, so a
/// herd is to find them where the last one left them.
const DEFINITIONS_WEIGHT: u64 = 256 << 20;
/// How many definitions are expected, a hint.
const DEFINITIONS: usize = 100_000;
/// How many clients are kept.
const CLIENTS: usize = 50_000;

/// A version of a job, and the length of its text.
#[derive(Debug, Clone)]
struct Definition {
    spec: Arc<JobSpec>,
    text_bytes: usize,
}

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<(i64, i32), Definition> for Bytes {
    fn weight(&self, _: &(i64, i32), definition: &Definition) -> u64 {
        // What is long in a definition is its shards' parameters, which are larger in memory than in the text.
        let params = definition.spec.shard_params.capacity() * size_of::<serde_json::Value>();
        (size_of::<JobSpec>() + definition.text_bytes + params) as u64
    }
}

/// Versions of definitions, by job and version.
#[derive(Debug)]
pub struct Jobs(Cache<(i64, i32), Definition, Bytes>);

impl Default for Jobs {
    fn default() -> Self {
        Self(Cache::with_weighter(DEFINITIONS, DEFINITIONS_WEIGHT, Bytes))
    }
}

impl Jobs {
    /// The definition of a version, if it is here already.
    pub fn known(&self, job: i64, version: i32) -> Option<Arc<JobSpec>> {
        self.0.get(&(job, version)).map(|known| known.spec)
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
        for key in keys {
            match self.0.get(key) {
                Some(known) => drop(found.insert(*key, known.spec)),
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
        for (job, version, text) in store::job::versions(conn, unknown).await? {
            if let Some(spec) = self.keep(job, version, &text) {
                found.insert((job, version), spec);
            }
        }
        Ok(())
    }

    /// Keeps what is stored of a version, if it can be read.
    fn keep(&self, job: i64, version: i32, text: &str) -> Option<Arc<JobSpec>> {
        let spec: Arc<JobSpec> = match serde_json::from_str(text) {
            Ok(spec) => Arc::new(spec),
            // A newer server's, say: the other jobs go on.
            Err(error) => {
                tracing::error!(job_id = job, version, %error, "a definition cannot be read");
                return None;
            }
        };
        let definition = Definition {
            spec: Arc::clone(&spec),
            text_bytes: text.len(),
        };
        self.0.insert((job, version), definition);
        Some(spec)
    }
}

/// Clients, by id. Their leases are not cached: those are checked where it matters, in SQL.
#[derive(Debug)]
pub struct Clients(Cache<Uuid, Arc<Profile>>);

impl Default for Clients {
    fn default() -> Self {
        Self(Cache::new(CLIENTS))
    }
}

impl Clients {
    /// The client, or `None` if there is none or it has left.
    pub async fn get(&self, pool: &PgPool, id: Uuid) -> sqlx::Result<Option<Arc<Profile>>> {
        match self.0.get(&id) {
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
        self.0.insert(id, Arc::clone(&client));
        Ok(Some(client))
    }

    /// Forgets a client that has left.
    pub fn forget(&self, id: Uuid) {
        self.0.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_herd_finds_its_definitions_again() {
        let jobs = Jobs::default();
        let text = serde_json::to_string(&JobSpec::new("settle")).unwrap();
        for job in 0..100_000 {
            jobs.keep(job, 1, &text).unwrap();
        }
        let known = (0..100_000).filter(|job| jobs.known(*job, 1).is_some());
        assert_eq!(known.count(), 100_000);
        assert!(jobs.known(0, 2).is_none());
    }

    #[test]
    fn large_definitions_take_no_more_than_their_part() {
        let jobs = Jobs::default();
        let mut spec = JobSpec::new("settle");
        spec.shard_params = vec!["part".into(); 30_000];
        let text = serde_json::to_string(&spec).unwrap();
        for job in 0..300 {
            jobs.keep(job, 1, &text).unwrap();
        }
        // 300 would be 350 MB, or 63 by their texts.
        let known = (0..300).filter(|job| jobs.known(*job, 1).is_some());
        let known = known.count();
        assert!((50..300).contains(&known), "{known} are kept");
        assert!(jobs.0.weight() <= DEFINITIONS_WEIGHT);
    }

    #[test]
    fn a_definition_that_cannot_be_read_is_not_known() {
        let jobs = Jobs::default();
        assert!(
            jobs.keep(1, 1, r#"{"name":"settle","of_tomorrow":1}"#)
                .is_none()
        );
        assert!(jobs.known(1, 1).is_none());
    }
}
