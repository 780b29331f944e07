//! Why a call failed, and what that means for the caller.

use antares_protocol::problem::{Problem, ProblemKind};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;

/// An address that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No address was given.
    #[error("no server: give at least one address, such as http://127.0.0.1:22122")]
    None,
    /// An address is malformed.
    #[error("server `{address}`: {reason}; write an address such as http://127.0.0.1:22122")]
    Bad {
        /// The address as given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The HTTP client could not be set up.
    #[error("cannot set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// A call of the client protocol that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No answer: no connection, a connection that broke, or no answer in time. The call may or may not
    /// have taken effect; repeating it is safe.
    #[error("no answer from the server")]
    Transport(#[source] reqwest::Error),
    /// The server refused.
    #[error("{} {}: {}", .0.status, .0.title, .0.detail)]
    Problem(Box<Problem>),
    /// An error that did not come from Antares, perhaps from a proxy on the way.
    #[error("{status} not in the words of Antares: {body}")]
    Foreign {
        /// The status.
        status: StatusCode,
        /// Start of the body.
        body: String,
    },
    /// A success whose body is not what the protocol says.
    #[error("the server's answer cannot be read at `{path}`")]
    Malformed {
        /// Where in the body.
        path: String,
        /// What is wrong there.
        #[source]
        source: serde_json::Error,
    },
}

impl ApiError {
    /// The status the server answered with, if it refused.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Problem(problem) => StatusCode::from_u16(problem.status).ok(),
            Self::Foreign { status, .. } => Some(*status),
            Self::Transport(_) | Self::Malformed { .. } => None,
        }
    }

    /// The problem the server described, if it did.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            _ => None,
        }
    }

    /// Whether the server no longer knows the client: it must register again.
    pub fn is_client_gone(&self) -> bool {
        self.problem().is_some_and(|problem| {
            matches!(
                problem.kind,
                ProblemKind::ClientGone | ProblemKind::NotFound
            )
        })
    }

    /// Whether the app's name or secret is wrong, or was too often.
    pub fn is_unauthorized(&self) -> bool {
        matches!(
            self.status(),
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS)
        )
    }

    /// Whether the request itself is at fault, so that repeating it unchanged is no use.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self.status(),
            Some(
                StatusCode::BAD_REQUEST
                    | StatusCode::PAYLOAD_TOO_LARGE
                    | StatusCode::UNSUPPORTED_MEDIA_TYPE
                    | StatusCode::UNPROCESSABLE_ENTITY
            )
        )
    }

    /// Whether another server might do better.
    pub(crate) fn is_of_server(&self) -> bool {
        match self {
            Self::Transport(_) | Self::Malformed { .. } => true,
            // Antares answers 4xx in its own words; anything else in front of it speaks for itself.
            Self::Foreign { status, .. } => *status != StatusCode::TOO_MANY_REQUESTS,
            Self::Problem(problem) => problem.status >= 500,
        }
    }
}

/// The error for an answer with a status of 400 or above.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> ApiError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ApiError::Problem(Box::new(Problem {
            status: status.as_u16(),
            ..problem
        })),
        Err(_) => ApiError::Foreign {
            status,
            body: String::from_utf8_lossy(body).chars().take(200).collect(),
        },
    }
}

/// Reads a body, and names the place where it is wrong if it is.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // Tracking the path costs time, so it is only done once reading has failed.
    serde_json::from_slice(body).or_else(|_| {
        let deserializer = &mut serde_json::Deserializer::from_slice(body);
        serde_path_to_error::deserialize(deserializer).map_err(|error| ApiError::Malformed {
            path: error.path().to_string(),
            source: error.into_inner(),
        })
    })
}
