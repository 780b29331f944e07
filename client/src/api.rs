//! The calls of the client protocol, typed. [`Client`](crate::Client) stands on them; tests and tools may
//! call them directly.

use std::time::Duration;

use antares_protocol::client::{
    Claim, Claimed, RegisterClient, Registered, Renew, Renewed, Report, Reported, ShardLogs,
};
use reqwest::{Method, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use uuid::Uuid;

pub use error::{AddressError, ApiError};

mod error;

/// Longest time to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time to wait for an answer, beyond what a long-poll asks the server to wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls any of several servers as one app.
///
/// Calls go to one server until one fails there for a reason another server might not have; the next
/// call goes to the next. Nothing is retried here.
#[derive(Debug)]
pub struct ClientApi {
    http: reqwest::Client,
    servers: Vec<Url>,
    /// Index of the server that is used now.
    current: watch::Sender<usize>,
    app: String,
    secret: String,
}

impl ClientApi {
    /// For servers such as `http://10.0.0.5:22122`. The first to use is picked at random, so that many
    /// clients spread over the replicas.
    pub fn new<S: AsRef<str>>(
        servers: impl IntoIterator<Item = S>,
        app: impl Into<String>,
        secret: impl Into<String>,
    ) -> Result<Self, AddressError> {
        let servers = servers
            .into_iter()
            .map(|server| parse_server(server.as_ref()))
            .collect::<Result<Vec<_>, _>>()?;
        if servers.is_empty() {
            return Err(AddressError::None);
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(Duration::from_secs(15))
            .user_agent(concat!("antares-client/", env!("CARGO_PKG_VERSION")))
            // Servers are neighbours; a proxy in the environment is meant for the world outside.
            .no_proxy()
            .build()
            .map_err(AddressError::Http)?;
        Ok(Self {
            http,
            current: watch::Sender::new(fastrand::usize(..servers.len())),
            servers,
            app: app.into(),
            secret: secret.into(),
        })
    }

    /// The addresses, as given.
    pub fn servers(&self) -> &[Url] {
        &self.servers
    }

    /// The server that the next call goes to.
    pub fn current_server(&self) -> &Url {
        &self.servers[*self.current.borrow()]
    }

    /// Changes whenever calls move on to another server.
    pub(crate) fn switches(&self) -> watch::Receiver<usize> {
        self.current.subscribe()
    }

    /// A process of the app comes up.
    pub async fn register(&self, request: &RegisterClient) -> Result<Registered, ApiError> {
        self.post("clients", request, CALL_TIMEOUT).await
    }

    /// Still alive, and running these. Gives up after `timeout`, which is shorter than the lease.
    pub async fn renew(
        &self,
        client_id: Uuid,
        request: &Renew,
        timeout: Duration,
    ) -> Result<Renewed, ApiError> {
        self.post(&format!("clients/{client_id}/renew"), request, timeout)
            .await
    }

    /// Asks for work, and reports results in the same call if there are any.
    pub async fn claim(&self, client_id: Uuid, request: &Claim) -> Result<Claimed, ApiError> {
        let timeout = CALL_TIMEOUT + Duration::from_millis(request.wait_ms);
        self.post(&format!("clients/{client_id}/claim"), request, timeout)
            .await
    }

    /// Reports how shards ended.
    pub async fn report(&self, client_id: Uuid, request: &Report) -> Result<Reported, ApiError> {
        self.post(
            &format!("clients/{client_id}/report"),
            request,
            CALL_TIMEOUT,
        )
        .await
    }

    /// Sends log lines.
    pub async fn send_logs(&self, client_id: Uuid, request: &ShardLogs) -> Result<(), ApiError> {
        let path = format!("clients/{client_id}/logs");
        self.send(Method::POST, &path, Some(request), CALL_TIMEOUT)
            .await
            .map(drop)
    }

    /// Leaves. What the client still holds goes back at once.
    pub async fn leave(&self, client_id: Uuid) -> Result<(), ApiError> {
        let path = format!("clients/{client_id}");
        self.send(Method::DELETE, &path, None::<&()>, CALL_TIMEOUT)
            .await
            .map(drop)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        request: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, ApiError> {
        self.send(Method::POST, path, Some(request), timeout)
            .await
            .and_then(|body| error::parse(&body))
    }

    /// One call to the current server, to the end of its body; moves on to the next server if it failed
    /// there.
    async fn send(
        &self,
        method: Method,
        path: &str,
        request: Option<&impl Serialize>,
        timeout: Duration,
    ) -> Result<Vec<u8>, ApiError> {
        let server = *self.current.borrow();
        let url = format!("{}client/v1/{path}", self.servers[server]);
        let mut call = self
            .http
            .request(method, url)
            .basic_auth(&self.app, Some(&self.secret))
            .timeout(timeout);
        if let Some(request) = request {
            call = call.json(request);
        }
        let answer = match call.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(ApiError::Transport(error.without_url())),
        };
        if let Err(error) = &answer
            && error.is_of_server()
        {
            self.move_on_from(server, error);
        }
        answer
    }

    fn move_on_from(&self, failed: usize, error: &ApiError) {
        if self.servers.len() == 1 {
            return;
        }
        // Calls that fail together move on once.
        let moved = self.current.send_if_modified(|current| {
            let same = *current == failed;
            if same {
                *current = (failed + 1) % self.servers.len();
            }
            same
        });
        if moved {
            tracing::warn!(
                from = %self.servers[failed],
                to = %self.current_server(),
                error = crate::outcome::chain(error),
                "server failed, trying the next"
            );
        }
    }
}

async fn read(response: Response) -> Result<Vec<u8>, ApiError> {
    let status = response.status();
    let body = response
        .bytes()
        .await
        .map_err(|error| ApiError::Transport(error.without_url()))?;
    if status.is_success() {
        Ok(body.into())
    } else {
        Err(error::refusal(status, &body))
    }
}

/// Checks a server's address and makes it end in a slash, so that paths can be appended.
fn parse_server(text: &str) -> Result<Url, AddressError> {
    let bad = |reason: &str| AddressError::Bad {
        address: text.to_owned(),
        reason: reason.to_owned(),
    };
    let mut url = Url::parse(text.trim()).map_err(|error| bad(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("the scheme is neither http nor https"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad("there is no host"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("an address has no query and no fragment"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("app and secret are given apart from the address"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_a_path_and_ends_in_a_slash() {
        assert_eq!(
            parse_server("http://a:22122").unwrap().as_str(),
            "http://a:22122/"
        );
        assert_eq!(
            parse_server("https://a/antares").unwrap().as_str(),
            "https://a/antares/"
        );
    }

    #[test]
    fn a_bad_address_is_quoted_with_the_reason() {
        for (address, reason) in [
            ("a:22122", "scheme"),
            ("10.0.0.5:22122", "relative URL"),
            ("ftp://a", "scheme"),
            ("http://a?x=1", "query"),
            ("http://app:secret@a", "apart"),
            ("", "relative URL"),
        ] {
            let error = parse_server(address).unwrap_err().to_string();
            assert!(error.contains(reason), "{address}: {error}");
            assert!(error.contains(&format!("`{address}`")), "{error}");
        }
    }
}
