//! The console: a few files that `build.rs` takes into the program, served as they were compressed then.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;

#[cfg(test)]
mod tests;

/// A file of the console.
#[derive(Debug)]
struct File {
    /// Its address.
    path: &'static str,
    /// Of its content, in hexadecimal.
    sha256: &'static str,
    identity: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// The first page; every address of the console begins with it.
const INDEX: &str = "/index.html";

/// Named after their content: what was fetched once stays good.
const ASSETS: &str = "/assets/";

/// First segments of addresses that are not the console's, whether or not something answers there.
const RESERVED: [&str; 5] = ["api", "client", "healthz", "readyz", "metrics"];

/// Scripts of this server only, and the right to compile WebAssembly, but not strings. Nothing may frame
/// the console, and nothing in it can send what it shows elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const MISSING: &str = "This server was built without its console.\n\n\
    Type `cargo xtask console`, build the server again and restart it. Its API works all the same: \
    see /api/openapi.json.\n";

/// Answers what no route takes: with a file of the console, with its first page for addresses within it,
/// else that there is no such thing.
pub(crate) async fn fallback(request: Request) -> Response {
    answer(
        FILES,
        request.method(),
        request.uri().path(),
        request.headers(),
    )
}

fn answer(files: &[File], method: &Method, path: &str, headers: &HeaderMap) -> Response {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let is_page = is_page(path, headers);
    let file = match find(path) {
        Some(file) => file,
        None if is_page => match find(INDEX) {
            Some(index) => index,
            None => return missing(),
        },
        None => return ApiError::not_found(path).into_response(),
    };
    if method != Method::GET && method != Method::HEAD {
        let refusal = ApiError::method_not_allowed(method, path);
        return ([(ALLOW, "GET, HEAD")], refusal).into_response();
    }
    let mut response = serve(file, headers);
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

/// Whether the address is one of the console's own, which are known in the browser only.
fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let mut segments = path.trim_start_matches('/').split('/');
    let first = segments.next().unwrap_or_default();
    let last = segments.next_back().unwrap_or(first);
    if path == "/" {
        return true;
    }
    !RESERVED.contains(&first) && !last.contains('.') && accepts_html(headers)
}

/// Whether a browser wants to show what comes. Programs that take anything get an honest 404.
fn accepts_html(headers: &HeaderMap) -> bool {
    listed(headers, &ACCEPT)
        .any(|(kind, weight)| kind.eq_ignore_ascii_case("text/html") && weight > 0.0)
}

/// The entries of a list header with their weights.
fn listed<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = (&'a str, f32)> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let item = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
        (item, weight.unwrap_or(1.0))
    })
}

fn serve(file: &File, headers: &HeaderMap) -> Response {
    let (encoding, content) = negotiate(file, headers);
    // Differs by encoding: a cache must not join a compressed body to the headers of a plain one.
    let tag = match encoding {
        Some(encoding) => format!("\"{}-{encoding}\"", file.sha256),
        None => format!("\"{}\"", file.sha256),
    };
    let is_known = listed(headers, &IF_NONE_MATCH)
        .any(|(known, _)| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag);
    let cache = if file.path.starts_with(ASSETS) {
        "public, max-age=31536000, immutable"
    } else {
        // To be asked for each time, and answered with 304: a new version is seen at once.
        "no-cache"
    };
    let mut response = Response::new(Body::empty());
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = Body::from(content);
    }
    let headers = response.headers_mut();
    if !is_known {
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(content_type(file.path)),
        );
        headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
    }
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    protect(headers);
    response
}

/// The smallest form that the browser takes.
fn negotiate(file: &File, headers: &HeaderMap) -> (Option<&'static str>, &'static [u8]) {
    let takes = |encoding: &str| {
        let weight = |name: &str| {
            listed(headers, &ACCEPT_ENCODING)
                .find_map(|(item, weight)| item.eq_ignore_ascii_case(name).then_some(weight))
        };
        weight(encoding)
            .or_else(|| weight("*"))
            .is_some_and(|weight| weight > 0.0)
    };
    match (file.brotli, file.gzip) {
        (Some(brotli), _) if takes("br") => (Some("br"), brotli),
        (_, Some(gzip)) if takes("gzip") => (Some("gzip"), gzip),
        _ => (None, file.identity),
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

fn protect(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
}

/// An empty page would leave people guessing.
fn missing() -> Response {
    let plain = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
    ];
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, plain, MISSING).into_response();
    protect(response.headers_mut());
    response
}
