//! Why an expression was refused.

use super::field::Field;

/// Why an expression was refused. The message is written for the person who typed the expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Five fields: a Unix crontab line.
    #[error(
        "5 fields look like a Unix expression: put a seconds field in front and `?` in the day \
         field that is not used, for example `0 30 9 * * ?` for 9:30 every day"
    )]
    MissingSeconds,
    /// Neither six nor seven fields.
    #[error(
        "expected 6 or 7 fields in the order \
         `seconds minutes hours day-of-month month day-of-week [year]`, found {found}"
    )]
    FieldCount {
        /// How many fields the expression has.
        found: usize,
    },
    /// A number outside its range, for example `hours: 25 is out of range 0-23`.
    #[error("{field}: {text} is out of range {min}-{max}")]
    OutOfRange {
        /// The field it stands in.
        field: Field,
        /// The number, after the word that tells its role where it is not a value of the field.
        text: String,
        /// The least allowed number.
        min: u32,
        /// The greatest allowed number.
        max: u32,
    },
    /// A part of a field that means nothing there.
    #[error("{field}: {text} {problem}")]
    Malformed {
        /// The field it stands in.
        field: Field,
        /// The offending part of the field.
        text: String,
        /// What is wrong with it and what to write instead.
        problem: String,
    },
    /// Both day fields restrict the day. Quartz has no meaning for that, even when one is `*`.
    #[error(
        "day-of-month {day_of_month} and day-of-week {day_of_week} exclude each other: \
         put ? in the one that is not used"
    )]
    BothDayFields {
        /// The day-of-month field.
        day_of_month: String,
        /// The day-of-week field.
        day_of_week: String,
    },
    /// Both day fields are `?`.
    #[error("day-of-month and day-of-week are both ?: write * in one of them for every day")]
    NoDayField,
    /// The `cron` crate refused the expression after it passed the checks above.
    #[error("not a cron expression: {0}")]
    Syntax(String),
}

impl CronError {
    /// A part of a field that means nothing there.
    pub(super) fn malformed(field: Field, text: &str, problem: impl Into<String>) -> Self {
        Self::Malformed {
            field,
            text: text.to_owned(),
            problem: problem.into(),
        }
    }
}
