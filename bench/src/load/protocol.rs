//! The client protocol as far as it takes to claim one shard and report it.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::connection::{Connection, Target};
use crate::Result;
use crate::worker::NOOP;

/// Any moment of the past: the server keeps it within the claim.
const STARTED: &str = "2020-01-01T00:00:00Z";

/// Calls of one app at one server.
pub(super) struct Protocol(Rc<Target>);

/// Names a claim.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Shard {
    pub(super) shard_id: i64,
    pub(super) attempt: i16,
}

#[derive(Deserialize)]
struct Claimed {
    shards: Vec<Shard>,
    #[serde(default)]
    results: Vec<Reported>,
}

#[derive(Deserialize)]
struct Reported {
    status: Status,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Status {
    Accepted,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Registered {
    client_id: String,
    renew_every_ms: u64,
}

#[derive(Deserialize)]
struct Renewed {
    renew_every_ms: u64,
}

/// Whether a call failed because the client's lease had ended.
pub(super) fn is_gone(error: &crate::Error) -> bool {
    error.to_string().contains("/problems/client-gone")
}

impl Protocol {
    pub(super) fn new(server: &str, app: &str, secret: &str) -> Self {
        let basic = format!("Basic {}", STANDARD.encode(format!("{app}:{secret}")));
        Self(Rc::new(Target {
            address: server.to_owned(),
            headers: format!(
                "host: {server}\r\nauthorization: {basic}\r\ncontent-type: application/json\r\n"
            ),
        }))
    }

    async fn post<'a>(
        &self,
        connection: &'a mut Option<Connection>,
        path: &str,
        body: &str,
    ) -> Result<&'a [u8]> {
        let connection = match connection {
            Some(connection) => connection,
            none => none.insert(Connection::open(&self.0).await?),
        };
        connection.post(path, body).await
    }

    /// A client comes up. Returns its id, and how often to renew its lease.
    pub(super) async fn register(&self) -> Result<(Rc<str>, Duration)> {
        let body = format!(
            r#"{{"host":"bench","pid":1,"sdk":"load","version":"1","handlers":["{NOOP}"],"slots":1}}"#
        );
        let mut connection = None;
        let answer = self
            .post(&mut connection, "/client/v1/clients", &body)
            .await?;
        let me: Registered = serde_json::from_slice(answer)?;
        Ok((
            me.client_id.into(),
            Duration::from_millis(me.renew_every_ms),
        ))
    }

    /// Returns when to renew again, unless a shard is claimed before.
    pub(super) async fn renew(
        &self,
        connection: &mut Option<Connection>,
        id: &str,
    ) -> Result<Duration> {
        // A shard is held for less than a lease, so none needs to be named.
        let path = format!("/client/v1/clients/{id}/renew");
        let answer = self.post(connection, &path, r#"{"running":[]}"#).await?;
        let renewed: Renewed = serde_json::from_slice(answer)?;
        Ok(Duration::from_millis(renewed.renew_every_ms))
    }

    /// Asks for one shard, and waits for it.
    pub(super) async fn claim(
        &self,
        connection: &mut Option<Connection>,
        id: &str,
        wait_ms: u64,
    ) -> Result<Option<Shard>> {
        let path = format!("/client/v1/clients/{id}/claim");
        let body = format!(r#"{{"max":1,"wait_ms":{wait_ms}}}"#);
        let answer = self.post(connection, &path, &body).await?;
        let claimed: Claimed = serde_json::from_slice(answer)?;
        Ok(claimed.shards.first().copied())
    }

    /// Reports a success and asks for the next shard, without waiting. Returns whether the report counted.
    pub(super) async fn report_and_claim(
        &self,
        connection: &mut Option<Connection>,
        id: &str,
        shard_id: i64,
        attempt: i16,
    ) -> Result<(bool, Option<Shard>)> {
        let path = format!("/client/v1/clients/{id}/claim");
        let body = format!(
            r#"{{"max":1,"results":[{{"shard_id":{shard_id},"attempt":{attempt},"outcome":"succeeded","started_at":"{STARTED}","ended_at":"{STARTED}"}}]}}"#
        );
        let answer = self.post(connection, &path, &body).await?;
        let claimed: Claimed = serde_json::from_slice(answer)?;
        let accepted = claimed
            .results
            .first()
            .is_some_and(|r| r.status == Status::Accepted);
        Ok((accepted, claimed.shards.first().copied()))
    }
}
