//! How a handler says its shard ended, and how plain return values become that.

use std::error::Error;
use std::fmt::Display;
use std::time::Duration;

use serde::Serialize;

/// Any error a handler may end with.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Longest error a report carries, in bytes; the server keeps no more.
pub(crate) const MAX_ERROR_BYTES: usize = 8 * 1024;
/// Longest output a report carries, in bytes; the server keeps no more.
pub(crate) const MAX_OUTPUT_BYTES: usize = 64 * 1024;
/// Most of an output that is sent: the server keeps as much of a planning handler's, and cuts others at
/// [`MAX_OUTPUT_BYTES`].
pub(crate) const MAX_SENT_BYTES: usize = 1024 * 1024;

/// How a shard ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with the value it produced, if any.
    Success(Option<String>),
    /// Failed: the shard is handed out again if its job has a retry policy and an attempt is left.
    Fail(String),
    /// Not now: hand the shard out again, to any client, after the delay (at most 366 days). Counts as an
    /// attempt.
    Later(Duration),
}

impl Outcome {
    /// Done, with nothing to show.
    pub fn success() -> Self {
        Self::Success(None)
    }

    /// Done, with a value for the console.
    pub fn output(value: impl Display) -> Self {
        Self::Success(Some(value.to_string()))
    }

    /// Done, with a value written as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_string(value) {
            Ok(text) => Self::Success(Some(text)),
            Err(error) => Self::Fail(format!("the output cannot be written as JSON: {error}")),
        }
    }

    /// Failed.
    pub fn fail(error: impl Display) -> Self {
        Self::Fail(error.to_string())
    }

    /// Not now.
    pub fn later(delay: Duration) -> Self {
        Self::Later(delay)
    }
}

/// What a handler may return.
///
/// `()`, text, numbers and JSON are successes; `Err` is a failure, reported with its chain of causes;
/// an [`Outcome`] says it outright, also as `Ok(Outcome::Later(..))`.
pub trait IntoOutcome {
    /// The outcome this value stands for.
    fn into_outcome(self) -> Outcome;
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Outcome::success()
    }
}

impl<T: IntoOutcome, E: Into<BoxError>> IntoOutcome for Result<T, E> {
    fn into_outcome(self) -> Outcome {
        match self {
            Ok(value) => value.into_outcome(),
            Err(error) => Outcome::Fail(chain(&*error.into())),
        }
    }
}

impl<T: IntoOutcome> IntoOutcome for Option<T> {
    fn into_outcome(self) -> Outcome {
        self.map_or_else(Outcome::success, T::into_outcome)
    }
}

impl IntoOutcome for serde_json::Value {
    fn into_outcome(self) -> Outcome {
        Outcome::Success((!self.is_null()).then(|| self.to_string()))
    }
}

impl IntoOutcome for String {
    fn into_outcome(self) -> Outcome {
        Outcome::Success(Some(self))
    }
}

macro_rules! output_by_display {
    ($($type:ty)*) => {
        $(impl IntoOutcome for $type {
            fn into_outcome(self) -> Outcome {
                Outcome::output(self)
            }
        })*
    };
}

output_by_display! { &str bool i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64 }

/// `error` and its causes, joined by colons. A cause that the error above already quotes is left out.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

/// Cuts `text` to `max` bytes, notice included, if it is longer.
pub(crate) fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        truncate_of(text, max, text.len());
    }
}

/// Cuts `text`, the beginning of `total` bytes, to `max` bytes at a character, notice included.
pub(crate) fn truncate_of(text: &mut String, max: usize, total: usize) {
    let notice = format!("\n[cut: {total} bytes in all]");
    text.truncate(text.floor_char_boundary(max - notice.len()));
    text.push_str(&notice);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot settle order 7")]
    struct Settle(#[source] std::io::Error);

    #[test]
    fn an_error_is_reported_with_its_causes() {
        let result: Result<(), Settle> = Err(Settle(std::io::Error::other("disk full")));
        assert_eq!(
            result.into_outcome(),
            Outcome::Fail("cannot settle order 7: disk full".to_owned())
        );
    }

    #[test]
    fn a_cause_already_quoted_is_not_repeated() {
        let error: BoxError = Box::new(std::io::Error::other("disk full"));
        assert_eq!(chain(&*error), "disk full");
    }

    #[test]
    fn plain_values_are_outputs() {
        assert_eq!(7.into_outcome(), Outcome::Success(Some("7".to_owned())));
        assert_eq!(().into_outcome(), Outcome::Success(None));
        assert_eq!(
            Ok::<_, BoxError>("done").into_outcome(),
            Outcome::Success(Some("done".to_owned()))
        );
        let later = Outcome::later(Duration::from_secs(3));
        assert_eq!(Ok::<_, BoxError>(later.clone()).into_outcome(), later);
    }

    #[test]
    fn long_text_is_cut_at_a_character_with_a_notice() {
        let mut text = "ö".repeat(10_000);
        truncate(&mut text, MAX_ERROR_BYTES);
        assert!(text.len() <= MAX_ERROR_BYTES && text.len() > MAX_ERROR_BYTES - 4);
        assert!(text.ends_with("[cut: 20000 bytes in all]"));
        let mut short = "x".repeat(MAX_ERROR_BYTES);
        truncate(&mut short, MAX_ERROR_BYTES);
        assert_eq!(short.len(), MAX_ERROR_BYTES);
    }
}
