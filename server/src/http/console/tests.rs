//! Tests of what the console's addresses answer.

use antares_protocol::problem::PROBLEM_JSON;
use axum::Router;
use axum::body::to_bytes;
use axum::http::header::{ALLOW, HeaderName};
use tower::ServiceExt as _;

use super::*;

static SAMPLE: &[File] = &[
    File {
        path: "/assets/console-0123.wasm",
        sha256: "aa11",
        identity: b"plain module",
        brotli: Some(b"brotli module"),
        gzip: Some(b"gzip module"),
    },
    File {
        path: "/assets/icon-0123.svg",
        sha256: "bb22",
        identity: b"<svg/>",
        brotli: None,
        gzip: None,
    },
    File {
        path: "/index.html",
        sha256: "cc33",
        identity: b"<!doctype html>",
        brotli: None,
        gzip: Some(b"gzip page"),
    },
];

/// What an answer says.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &HeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

const BROWSER: &[(&str, &str)] = &[
    ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
];

async fn ask(files: &'static [File], method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let router: Router = Router::new().fallback(async move |request: Request| {
        answer(
            files,
            request.method(),
            request.uri().path(),
            request.headers(),
        )
    });
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }
}

async fn get(path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(SAMPLE, "GET", path, headers).await
}

#[tokio::test]
async fn assets_come_as_the_browser_takes_them_and_stay_for_good() {
    let path = "/assets/console-0123.wasm";
    for (accepted, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "brotli module"),
        ("br;q=0, gzip;q=0.5", "gzip", "gzip module"),
        ("*", "br", "brotli module"),
        ("BR", "br", "brotli module"),
        ("identity", "", "plain module"),
        ("", "", "plain module"),
    ] {
        let answer = get(path, &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header(&CONTENT_ENCODING), encoding, "{accepted}");
        assert_eq!(answer.body, body, "{accepted}");
        assert_eq!(answer.header(&CONTENT_LENGTH), body.len().to_string());
        assert_eq!(answer.header(&CONTENT_TYPE), "application/wasm");
        assert_eq!(
            answer.header(&CACHE_CONTROL),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(answer.header(&VARY), "accept-encoding");
    }
    let icon = get("/assets/icon-0123.svg", BROWSER).await;
    assert_eq!(
        (icon.body.as_str(), icon.header(&CONTENT_ENCODING)),
        ("<svg/>", "")
    );
}

#[tokio::test]
async fn pages_of_the_console_get_its_first_page() {
    for path in [
        "/",
        "/index.html",
        "/jobs",
        "/clients",
        "/instances/7/shards",
    ] {
        let answer = get(path, BROWSER).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.body, "gzip page", "{path}");
        assert_eq!(answer.header(&CACHE_CONTROL), "no-cache");
        assert_eq!(answer.header(&CONTENT_TYPE), "text/html; charset=utf-8");
        assert!(
            answer
                .header(&CONTENT_SECURITY_POLICY)
                .contains("frame-ancestors 'none'")
        );
        assert!(
            !answer
                .header(&CONTENT_SECURITY_POLICY)
                .contains("unsafe-inline")
        );
        assert_eq!(answer.header(&X_CONTENT_TYPE_OPTIONS), "nosniff");
        assert_eq!(answer.header(&REFERRER_POLICY), "same-origin");
    }
    // Whatever asks for the root means the console.
    assert_eq!(get("/", &[("accept", "*/*")]).await.status, 200);
}

#[tokio::test]
async fn everything_else_is_not_found() {
    for (path, headers) in [
        ("/jobs", &[("accept", "*/*")][..]),
        ("/jobs", &[("accept", "text/html;q=0")]),
        ("/jobs", &[]),
        ("/assets/console-9999.wasm", BROWSER),
        ("/favicon.ico", BROWSER),
        ("/api", BROWSER),
        ("/api/v1/nothing", BROWSER),
        ("/client/v1/nothing", BROWSER),
        ("/healthz/x", BROWSER),
        ("/readyz/x", BROWSER),
        ("/metrics/x", BROWSER),
    ] {
        let answer = get(path, headers).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.header(&CONTENT_TYPE), PROBLEM_JSON, "{path}");
    }
    let answer = ask(SAMPLE, "POST", "/", BROWSER).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header(&ALLOW), "GET, HEAD");
    assert_eq!(
        ask(SAMPLE, "POST", "/api/v1/nothing", BROWSER).await.status,
        404
    );
}

#[tokio::test]
async fn what_the_browser_has_is_not_sent_again() {
    let path = "/assets/console-0123.wasm";
    let first = get(path, BROWSER).await;
    let tag = first.header(&ETAG).to_owned();
    assert_eq!(tag, "\"aa11-br\"");
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let again = get(
            path,
            &[("accept-encoding", "br"), ("if-none-match", &known)],
        )
        .await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{known}");
        assert_eq!(again.header(&ETAG), tag);
    }
    let other = get(path, &[("if-none-match", &tag)]).await;
    assert_eq!(other.status, 200, "the plain form is another one");
    let head = ask(SAMPLE, "HEAD", path, BROWSER).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(
        head.header(&CONTENT_LENGTH),
        "brotli module".len().to_string()
    );
}

#[tokio::test]
async fn a_server_without_its_console_says_so() {
    for path in ["/", "/jobs"] {
        let answer = ask(&[], "GET", path, BROWSER).await;
        assert_eq!(answer.status, 503);
        assert!(
            answer.body.contains("cargo xtask console"),
            "{}",
            answer.body
        );
    }
    assert_eq!(
        ask(&[], "GET", "/api/v1/nothing", BROWSER).await.status,
        404
    );
}

#[tokio::test]
async fn embedded_page_links_embedded_files_only() {
    let page = ask(FILES, "GET", "/", &[]).await;
    if FILES.is_empty() {
        assert_eq!(page.status, 503);
        return;
    }
    let links: Vec<&str> = page
        .body
        .split('"')
        .filter(|text| text.starts_with('/'))
        .collect();
    assert!(links.len() >= 4, "{}", page.body);
    for link in links {
        assert_eq!(ask(FILES, "GET", link, BROWSER).await.status, 200, "{link}");
    }
}
