//! When jobs fire: the parts of a schedule beside its times, and calendars.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc, Weekday};
use serde::{Deserialize, Serialize};

/// What to do about a wall-clock time that does not exist, because the clocks go forward over it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DstGap {
    /// It does not fire. Quartz does this.
    #[default]
    Skip,
    /// It fires at the first instant after the gap.
    After,
    /// It fires as long after the gap's start as it lies in the gap: 02:30 at 03:30.
    Shift,
}

/// What to do about a wall-clock time that comes twice, because the clocks go back over it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DstFold {
    /// It fires the first time.
    First,
    /// It fires the second time. Quartz does this.
    #[default]
    Last,
    /// It fires both times.
    Both,
}

/// What to do about ticks that were missed: that are later than the misfire threshold of the server when it decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Misfire {
    /// None of them fires.
    Ignore,
    /// The latest fires, once, for all of them.
    #[default]
    Latest,
    /// Each of them fires, oldest first, of the latest so many and of those that are not older than a window.
    All {
        /// How many at most, 1 to 1,000.
        max: u32,
        /// How old they may be; 0 for no limit.
        #[serde(default)]
        window_ms: u64,
    },
}

/// What to do when a tick or trigger finds as many instances of the job running as may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// One instance runs at a time. A tick that finds it running is skipped, a trigger refused.
    #[default]
    Skip,
    /// One instance runs at a time, and up to so many wait behind it, 1 to 1,000.
    Queue(u32),
    /// The running instance is terminated, and the new one runs.
    Replace,
    /// Up to so many instances run at a time, 2 to 1,000.
    Allow(u32),
}

/// A calendar: a named set of days and hours that jobs share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// Name; 1 to 200 visible characters.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// IANA zone in which its dates and hours are read.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Whole days, up to 10,000.
    #[serde(default)]
    pub dates: Vec<CalendarDate>,
    /// Hours of each week, up to 1,000.
    #[serde(default)]
    pub weekly: Vec<WeeklyHours>,
    /// Spans of time, up to 10,000.
    #[serde(default)]
    pub spans: Vec<Span>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A day of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CalendarDate {
    /// The day.
    pub date: NaiveDate,
    /// Whether it is the same day of every year.
    #[serde(default)]
    pub yearly: bool,
    /// What day it is, such as the name of a holiday.
    #[serde(default)]
    pub label: String,
}

/// Hours of some days of every week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct WeeklyHours {
    /// The days, such as `["Sat", "Sun"]`.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub days: Vec<Weekday>,
    /// From this time of day; the start of the day if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<NaiveTime>,
    /// Until before this time of day, on the next day if it is not after `from`; the end of the day if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub until: Option<NaiveTime>,
    /// What the hours are.
    #[serde(default)]
    pub label: String,
}

/// A span of time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// From this instant.
    pub from: DateTime<Utc>,
    /// Until before this instant.
    pub until: DateTime<Utc>,
    /// What it is, such as `release 4.2`.
    #[serde(default)]
    pub label: String,
}

/// A calendar as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Calendar {
    /// The calendar.
    pub id: i64,
    /// Rises with each change, from 1.
    pub version: i32,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// What it holds.
    pub spec: CalendarSpec,
}

/// Replaces what a calendar holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateCalendar {
    /// The version this change is based on; refused with 409 if there is a newer one. Left out, the change is made in any
    /// case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// The whole new calendar. The name cannot change.
    pub spec: CalendarSpec,
}

/// Adds the events of an iCalendar text to a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportCalendar {
    /// The version this change is based on; refused with 409 if there is a newer one. Left out, the change is made in any
    /// case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i32>,
    /// The text, as calendar programs export it (RFC 5545). Whole days become dates, times become spans; a day that
    /// recurs every year stays one date.
    pub ics: String,
    /// Whether the dates and spans that are there are taken away first. Weekly hours stay.
    #[serde(default)]
    pub replace: bool,
    /// Other events that recur are written out until this day; for ten years if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}
