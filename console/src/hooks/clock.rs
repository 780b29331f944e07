//! The time, as the server has it.
//!
//! Durations and "in 12 s" compare instants of the database with now. An operator's clock may be minutes
//! off, so it is set by the `date` header of the server's answers. For display only: nothing is decided here.

use std::cell::Cell;

use chrono::{DateTime, NaiveDate, Utc};
use leptos::prelude::*;
use leptos_use_interval_fn::use_interval_fn;

use crate::format;

/// The header counts whole seconds and the answer was under way: less than this is no difference.
const TOLERANCE_MS: f64 = 2_000.0;

thread_local! {
    static AHEAD_MS: Cell<f64> = const { Cell::new(0.0) };
}

/// Takes note of a `date` header.
pub(crate) fn observe(date: &str) {
    let server = js_sys::Date::parse(date);
    if server.is_nan() {
        return;
    }
    let ahead = server - js_sys::Date::now();
    AHEAD_MS.set(if ahead.abs() > TOLERANCE_MS {
        ahead
    } else {
        0.0
    });
}

/// The time now.
pub(crate) fn now() -> DateTime<Utc> {
    format::instant(js_sys::Date::now() + AHEAD_MS.get())
}

/// The time as a signal.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// Moves every second.
    pub(crate) now: RwSignal<DateTime<Utc>>,
    /// The viewer's date; moves at midnight.
    pub(crate) today: Memo<NaiveDate>,
}

/// Provides the clock.
pub(crate) fn provide() {
    let signal = RwSignal::new(now());
    use_interval_fn(move || signal.set(now()), 1_000);
    provide_context(Clock {
        now: signal,
        today: Memo::new(move |_| format::local(signal.get()).date()),
    });
}

/// The clock.
pub(crate) fn use_clock() -> Clock {
    expect_context()
}
