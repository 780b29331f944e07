//! Errors as RFC 9457 `application/problem+json`.

use serde::{Deserialize, Serialize};

/// Media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The body of every answer with a status of 400 or above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Which of the known problems this is.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// Short and the same for every occurrence of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time, and what to do about it.
    pub detail: String,
    /// The offending field of the request, as a dotted path, if one is to blame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

macro_rules! problem_kinds {
    ($($(#[$doc:meta])* $name:ident = $uri:literal, $status:literal, $title:literal;)*) => {
        /// The closed list of problem types. Their meaning never changes; new ones may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $uri)] $name,)*
            /// A type this version does not know.
            #[serde(other)]
            Unknown,
        }

        impl ProblemKind {
            /// The HTTP status that goes with the kind.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// The title that goes with the kind.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "Unknown problem" }
            }
        }
    };
}

problem_kinds! {
    /// The request could not be parsed: malformed JSON, a wrong type, a bad query string.
    MalformedRequest = "/problems/malformed-request", 400, "Malformed request";
    /// The request was parsed, but a field has a value that is not allowed.
    InvalidField = "/problems/invalid-field", 422, "Invalid field";
    /// No or wrong credentials.
    Unauthorized = "/problems/unauthorized", 401, "Unauthorized";
    /// The credentials do not allow this.
    Forbidden = "/problems/forbidden", 403, "Forbidden";
    /// The thing named in the path does not exist.
    NotFound = "/problems/not-found", 404, "Not found";
    /// The path exists, the method does not.
    MethodNotAllowed = "/problems/method-not-allowed", 405, "Method not allowed";
    /// The state of the thing does not allow the action.
    IllegalState = "/problems/illegal-state", 409, "Illegal state";
    /// Another row has this name.
    NameTaken = "/problems/name-taken", 409, "Name taken";
    /// The row was changed by somebody else since it was read.
    VersionConflict = "/problems/version-conflict", 409, "Version conflict";
    /// The client's lease has ended; it must register again.
    ClientGone = "/problems/client-gone", 410, "Client gone";
    /// The body is larger than the limit.
    BodyTooLarge = "/problems/body-too-large", 413, "Body too large";
    /// The body is not `application/json`.
    UnsupportedMediaType = "/problems/unsupported-media-type", 415, "Unsupported media type";
    /// Too many wrong passwords or secrets in a short time.
    TooManyRequests = "/problems/too-many-requests", 429, "Too many requests";
    /// A defect of the server. It has been logged.
    Internal = "/problems/internal", 500, "Internal error";
    /// The database is away or the server is stopping; try again, or another server.
    Unavailable = "/problems/unavailable", 503, "Temporarily unavailable";
}

impl Problem {
    /// A problem of `kind` with what happened this time.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            field: None,
        }
    }

    /// Names the field to blame.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
}
