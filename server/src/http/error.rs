//! Every error as a problem of RFC 9457.

use antares_protocol::problem::{PROBLEM_JSON, Problem, ProblemKind};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::job::FieldError;
use crate::engine::claimer::ClaimError;
use crate::engine::renewer::RenewError;
use crate::engine::reporter::Unrecorded;
use crate::pipeline::job::JobError;
use crate::pipeline::rerun::RerunError;
use crate::pipeline::server::DrainError;
use crate::store::pool;

/// What a handler answers instead of a result.
#[derive(Debug)]
pub struct ApiError(pub Problem);

impl ApiError {
    /// A problem of `kind`.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self(Problem::new(kind, detail))
    }

    /// A field with a value that is not allowed.
    pub fn field(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidField, detail).with_field(field)
    }

    /// Names the field of the request to blame.
    #[must_use]
    pub fn with_field(self, field: impl Into<String>) -> Self {
        Self(self.0.with_field(field))
    }

    /// There is no such thing.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(ProblemKind::NotFound, format!("there is no {what}"))
    }

    /// The replica or its database is away.
    pub fn unavailable(detail: &str) -> Self {
        Self::new(ProblemKind::Unavailable, detail)
    }

    /// The path has no such method.
    pub fn method_not_allowed(method: &Method, path: &str) -> Self {
        Self::new(
            ProblemKind::MethodNotAllowed,
            format!("{path} does not take {method}; see /api/openapi.json"),
        )
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        match self.0.kind {
            ProblemKind::Unavailable => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            ProblemKind::TooManyRequests => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if pool::is_unavailable(&error) || pool::is_conflict(&error) {
            tracing::debug!(%error, "answered 503");
            return Self::unavailable("the database is away or overloaded; try again");
        }
        tracing::error!(%error, "a statement failed");
        Self::new(
            ProblemKind::Internal,
            "this is a defect of the server and has been logged",
        )
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self::field(&error.field, error.to_string())
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        let detail = error.to_string();
        match error {
            JobError::NotFound(_) => Self::new(ProblemKind::NotFound, detail),
            JobError::NoApp(_) => Self::field("app", detail),
            JobError::NameTaken(_) => {
                Self::new(ProblemKind::NameTaken, detail).with_field("spec.name")
            }
            JobError::Spec(error) if error.field == "spec" => error.into(),
            JobError::Spec(error) => Self::field(&format!("spec.{}", error.field), detail),
            JobError::Field(error) => error.into(),
            JobError::State { .. } | JobError::Followed { .. } | JobError::KeyInUse(_) => {
                Self::new(ProblemKind::IllegalState, detail)
            }
            JobError::Version { .. } => Self::new(ProblemKind::VersionConflict, detail),
            JobError::Database(error) => error.into(),
        }
    }
}

impl From<RerunError> for ApiError {
    fn from(error: RerunError) -> Self {
        let kind = match error {
            RerunError::NotFound(_) => ProblemKind::NotFound,
            RerunError::State { .. } => ProblemKind::IllegalState,
            RerunError::Job(error) => return error.into(),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<DrainError> for ApiError {
    fn from(error: DrainError) -> Self {
        let kind = match error {
            DrainError::NotFound(_) => ProblemKind::NotFound,
            DrainError::Last => ProblemKind::IllegalState,
            DrainError::Database(error) => return error.into(),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ClaimError> for ApiError {
    fn from(error: ClaimError) -> Self {
        match error {
            ClaimError::Gone => gone(),
            ClaimError::Stopping => Self::unavailable("the server is stopping; use another one"),
        }
    }
}

impl From<RenewError> for ApiError {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Gone => gone(),
            RenewError::Unavailable => Self::unavailable("the database is away; renew again"),
        }
    }
}

impl From<Unrecorded> for ApiError {
    fn from(_: Unrecorded) -> Self {
        Self::unavailable("the report could not be recorded; report again")
    }
}

fn gone() -> ApiError {
    ApiError::new(
        ProblemKind::ClientGone,
        "the client's lease has ended and its shards went to others; register again",
    )
}
