//! Extractors whose rejections are problems that name the field.

use antares_protocol::MAX_DEPTH;
use antares_protocol::json::{is_too_deep, rounded_integer};
use antares_protocol::page::Page;
use antares_protocol::problem::ProblemKind;
use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use chrono::{DateTime, Datelike as _, Utc};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::malformed::{NO_ID, malformed, malformed_at};
use crate::app::Shared;

/// A JSON body.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        // Reports are many and hold no JSON of their own.
        let path = request.uri().path();
        let is_kept = path.starts_with("/api/") || path.ends_with("/renew");
        check_is_json(request.headers())?;
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
                    let detail = format!("the body is over the limit of {} bytes", super::MAX_BODY);
                    ApiError::new(ProblemKind::BodyTooLarge, detail)
                } else {
                    broken_body(rejection.body_text())
                }
            })?;
        let value = from_json(&body)?;
        if is_kept && let Some((key, number)) = rounded_integer(&body) {
            let detail = format!(
                "{number} is an integer beyond 64 bits and would be rounded; write it as a string"
            );
            return Err(malformed_at(Some(key), detail));
        }
        Ok(Self(value))
    }
}

/// Refuses a body that does not say that it is JSON.
pub fn check_is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_json = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .is_some_and(|kind| {
            kind.eq_ignore_ascii_case("application/json")
                || kind.to_ascii_lowercase().ends_with("+json")
        });
    if is_json {
        return Ok(());
    }
    Err(ApiError::new(
        ProblemKind::UnsupportedMediaType,
        "send the body as JSON, with content-type: application/json",
    ))
}

/// A body of which not all came.
pub fn broken_body(why: impl std::fmt::Display) -> ApiError {
    let detail = format!("the body broke off or is not what its headers say, send it again: {why}");
    ApiError::new(ProblemKind::MalformedRequest, detail)
}

/// Reads a JSON object.
pub fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let malformed_body = |detail: String| ApiError::new(ProblemKind::MalformedRequest, detail);
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(malformed_body(
            "the body is not in UTF-8; send it so".to_owned(),
        ));
    };
    if body.trim_ascii_start().is_empty() {
        return Err(malformed_body(
            "the body is empty; send a JSON object".to_owned(),
        ));
    }
    if is_too_deep(body) {
        return Err(malformed_body(format!(
            "the body is nested more than {MAX_DEPTH} deep; nest it less, or write the inner part as a string"
        )));
    }
    // serde would read an array as the fields of a struct in order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(malformed_body(
            "send a JSON object, not an array".to_owned(),
        ));
    }
    // To know at each value where it stands takes several times as long as to read it, and only a fault needs it.
    serde_json::from_str(text).or_else(|_| {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let cause = error.into_inner().to_string();
            // serde_json calls a number in place of a named alternative a fault of the syntax.
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            malformed(if is_json { &path } else { "." }, &cause, !is_json)
        })?;
        reader
            .end()
            .map_err(|error| malformed_body(error.to_string()))?;
        Ok(value)
    })
}

/// A JSON body, or the default when there is none.
#[derive(Debug)]
pub struct OptionalJson<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<Shared> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, ApiError> {
        let headers = request.headers();
        let empty = headers
            .get("content-length")
            .is_none_or(|length| length == "0")
            && !headers.contains_key("transfer-encoding");
        if empty {
            return Ok(Self(T::default()));
        }
        Json::from_request(request, state)
            .await
            .map(|Json(value)| Self(value))
    }
}

/// Parameters of the path.
#[derive(Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(PathRejection::FailedToDeserializePathParams(rejection)) => {
                let names = RawPathParams::from_request_parts(parts, state).await;
                let names: Vec<String> = names
                    .map(|names| names.iter().map(|(name, _)| name.to_owned()).collect())
                    .unwrap_or_default();
                Err(malformed_path(rejection.into_kind(), &names))
            }
            Err(rejection) => Err(ApiError::new(
                ProblemKind::MalformedRequest,
                rejection.body_text(),
            )),
        }
    }
}

/// A parameter of the path that cannot be read, of those that are called `names`.
fn malformed_path(kind: ErrorKind, names: &[String]) -> ApiError {
    let number = |value: &str, expected_type: &str| {
        let most = if expected_type == "i32" {
            i32::MAX.into()
        } else {
            i64::MAX
        };
        format!("`{value}` is not a whole number up to {most}")
    };
    let text = kind.to_string();
    let (field, detail) = match kind {
        ErrorKind::ParseError {
            value,
            expected_type,
        } => (names.first().cloned(), number(&value, expected_type)),
        ErrorKind::ParseErrorAtIndex {
            index,
            value,
            expected_type,
        } => (names.get(index).cloned(), number(&value, expected_type)),
        ErrorKind::DeserializeError { key, .. } if text.contains("UUID parsing failed") => {
            (Some(key), NO_ID.to_owned())
        }
        ErrorKind::InvalidUtf8InPathParam { key } => (
            Some(key),
            "is not in UTF-8; write what it stands for".to_owned(),
        ),
        ErrorKind::DeserializeError { key, .. } => (Some(key), text),
        _ => (names.first().cloned(), text),
    };
    malformed_at(field, detail)
}

/// Parameters of the query.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                malformed(&error.path().to_string(), &error.inner().to_string(), false)
            })
    }
}

/// Rows of a page if the request does not say, and at most.
const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 500;

/// How many rows a page has: one more than that is read, to see whether there is a next page.
pub fn limit(asked: Option<u32>) -> Result<i64, ApiError> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(i64::from(limit)),
        limit => Err(ApiError::field(
            "limit",
            format!("{limit} is not allowed; give 1 to {MAX_LIMIT}"),
        )),
    }
}

/// Makes a page of rows that were read with one to spare.
pub fn page<T>(mut rows: Vec<T>, limit: i64, cursor: impl Fn(&T) -> String) -> Page<T> {
    let more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = if more { rows.last().map(cursor) } else { None };
    Page { items: rows, next }
}

/// Reads a cursor that [`page`] made.
pub fn cursor<T: std::str::FromStr>(after: Option<&str>) -> Result<Option<T>, ApiError> {
    after
        .map(|text| {
            text.parse().map_err(|_| {
                ApiError::field("after", format!("`{text}` is not a `next` of this list"))
            })
        })
        .transpose()
}

/// Refuses an instant that PostgreSQL, or a reader of RFC 3339, cannot take.
pub fn storable_time(field: &str, at: DateTime<Utc>) -> Result<(), ApiError> {
    if (1..=9999).contains(&at.year()) {
        return Ok(());
    }
    Err(ApiError::field(
        field,
        format!("{at} is not within the years 1 to 9999; check the clock"),
    ))
}

/// Refuses text that PostgreSQL cannot store.
pub fn storable(field: &str, text: &str, most: usize) -> Result<(), ApiError> {
    if text.contains('\0') {
        return Err(ApiError::field(
            field,
            "holds the character U+0000; remove it",
        ));
    }
    if text.len() > most {
        return Err(ApiError::field(
            field,
            format!("is {} bytes; the limit is {most}", text.len()),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf_8_is_refused_also_where_nobody_reads_it() {
        let body = b"{\"max\":1,\"x\":\"\xff\"}";
        let refused = from_json::<antares_protocol::client::Claim>(body);
        let detail = refused.expect_err("it is refused").0.detail;
        assert!(detail.contains("not in UTF-8"), "{detail}");
    }
}
