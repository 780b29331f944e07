//! HTTP calls whose headers the test sees.

use std::time::Duration;

use antares_protocol::problem::ProblemKind;
use antares_tests::Server;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// Calls of one server, without credentials or cookies.
pub(super) struct Http {
    client: reqwest::Client,
    url: String,
}

impl Http {
    pub(super) fn new(server: &Server) -> Self {
        Self::at(server.url())
    }

    pub(super) fn at(url: &str) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()
            .expect("the HTTP client is set up");
        Self {
            client,
            url: url.to_owned(),
        }
    }

    pub(super) fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Logs in. The answer has the cookie.
    pub(super) async fn login(&self, password: &str) -> Response {
        let body = json!({ "user": "admin", "password": password });
        let answer = self
            .call(Method::POST, "/api/v1/login")
            .json(&body)
            .send()
            .await;
        answer.expect("the server answers")
    }

    /// Logs in and returns the session's cookie, as a browser sends it.
    pub(super) async fn session(&self, password: &str) -> String {
        let answer = self.login(password).await;
        assert_eq!(answer.status(), 200);
        let cookie = cookie(&answer);
        cookie
            .split(';')
            .next()
            .expect("a cookie has a value")
            .to_owned()
    }

    /// Status of an answer to somebody with `cookie`.
    pub(super) async fn status(&self, cookie: &str) -> u16 {
        let call = self
            .call(Method::GET, "/api/v1/session")
            .header("cookie", cookie);
        call.send()
            .await
            .expect("the server answers")
            .status()
            .as_u16()
    }
}

/// The cookie that an answer sets.
pub(super) fn cookie(answer: &Response) -> String {
    let mut cookies = answer.headers().get_all("set-cookie").iter();
    let cookie = cookies.next().expect("a cookie is set");
    assert_eq!(cookies.next(), None, "one cookie");
    cookie.to_str().expect("a cookie is ASCII").to_owned()
}

/// Checks that an answer is a problem of `kind`.
#[track_caller]
pub(super) fn is_problem((status, body): &(StatusCode, Value), kind: ProblemKind) {
    assert_eq!(
        (status.as_u16(), &body["type"]),
        (kind.status(), &json!(kind)),
        "{body}"
    );
}
