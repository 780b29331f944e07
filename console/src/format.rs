//! Instants, durations and numbers as people read them, the same in every language.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use js_sys::{Date, Object, Reflect};
use wasm_bindgen::JsValue;

/// An instant from JavaScript's milliseconds.
pub(crate) fn instant(millis: f64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis as i64).unwrap_or_default()
}

fn js_date(at: DateTime<Utc>) -> Date {
    Date::new(&JsValue::from_f64(at.timestamp_millis() as f64))
}

/// What the viewer's wall clock shows at `at`.
pub(crate) fn local(at: DateTime<Utc>) -> NaiveDateTime {
    let minutes_behind_utc = js_date(at).get_timezone_offset();
    at.naive_utc() - TimeDelta::minutes(minutes_behind_utc as i64)
}

/// `text` with its instants as the viewer's wall clock shows them.
pub(crate) fn in_local_times(text: &str) -> String {
    in_times(text, |at| local(at).format("%Y-%m-%d %H:%M:%S").to_string())
}

/// The instant at which the viewer's wall clock shows `text`, as a field for date and time has it.
pub(crate) fn from_local(text: &str) -> Option<DateTime<Utc>> {
    let millis = Date::new(&JsValue::from_str(text)).get_time();
    (!millis.is_nan()).then(|| instant(millis))
}

/// As short as it is plain: the time alone for today, the year only when it is another.
pub(crate) fn short(local: NaiveDateTime, today: NaiveDate) -> String {
    let pattern = if local.date() == today {
        "%H:%M:%S"
    } else if local.year() == today.year() {
        "%m-%d %H:%M:%S"
    } else {
        "%Y-%m-%d %H:%M:%S"
    };
    local.format(pattern).to_string()
}

/// In full, in the viewer's zone, in UTC and in `zone`: a line for each that differs from those before.
pub(crate) fn full(at: DateTime<Utc>, zone: Option<&str>) -> String {
    let pattern = "%Y-%m-%d %H:%M:%S%.3f";
    let viewer = viewer_zone();
    let mut lines = vec![format!("{} {viewer}", local(at).format(pattern))];
    if viewer != "UTC" {
        lines.push(format!("{} UTC", at.format(pattern)));
    }
    if let Some(zone) = zone.filter(|zone| *zone != "UTC" && *zone != viewer)
        && let Some(there) = in_zone(at, zone)
    {
        lines.push(format!("{there} {zone}"));
    }
    lines.join("\n")
}

/// The viewer's IANA zone.
fn viewer_zone() -> String {
    let options =
        js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &Object::new()).resolved_options();
    Reflect::get(&options, &JsValue::from_str("timeZone"))
        .ok()
        .and_then(|zone| zone.as_string())
        .unwrap_or_default()
}

/// What the wall clocks of `zone` show; nothing if the browser does not know the zone.
fn in_zone(at: DateTime<Utc>, zone: &str) -> Option<String> {
    let options = Object::new();
    Reflect::set(&options, &"timeZone".into(), &zone.into()).ok()?;
    // Throws for an unknown zone, so it cannot be called directly. Swedes write dates as ISO 8601 has them.
    let date = js_date(at);
    let method = Reflect::get(&date, &"toLocaleString".into()).ok()?;
    let method: js_sys::Function = wasm_bindgen::JsCast::dyn_into(method).ok()?;
    method
        .call2(&date, &"sv-SE".into(), &options)
        .ok()?
        .as_string()
}

/// A length of time in at most two units: `840 ms`, `12.3 s`, `4 m 05 s`, `3 h 12 m`, `2 d 7 h`.
pub(crate) fn duration(length: TimeDelta) -> String {
    let millis = length.num_milliseconds().max(0);
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds}.{} s", millis % 1_000 / 100),
        60..3_600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A length of time to the millisecond, in as many units as that takes: `1 h 30 m`.
pub(crate) fn length(millis: u64) -> String {
    let mut left = millis;
    let mut parts = Vec::new();
    for (unit, size) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ] {
        if left >= size {
            parts.push(format!("{} {unit}", left / size));
            left %= size;
        }
    }
    if parts.is_empty() {
        return "0".to_owned();
    }
    parts.join(" ")
}

/// `text` with its numbers of milliseconds as [`length`] writes them. What stands behind one in brackets says the same
/// and goes; a number of days is none.
pub(crate) fn in_lengths(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        let end = number
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(number.len());
        let (digits, after) = number.split_at(end);
        shown.push_str(before);
        rest = after;
        match digits.parse() {
            Ok(millis) if !after.starts_with(" days") => {
                shown.push_str(&length(millis));
                if let Some((_, beyond)) = after
                    .strip_prefix(" (")
                    .and_then(|said| said.split_once(')'))
                {
                    rest = beyond;
                }
            }
            _ => shown.push_str(digits),
        }
    }
    shown + rest
}

/// `text` with its instants as `show` writes them. The server writes them in UTC: `2026-03-09 08:00:00 UTC`.
fn in_times(text: &str, show: impl Fn(DateTime<Utc>) -> String) -> String {
    const UTC: &str = " UTC";
    let mut shown = String::new();
    let mut rest = text;
    while let Some(end) = rest.find(UTC) {
        let (before, after) = (&rest[..end], &rest[end + UTC.len()..]);
        let is_of_instant = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | ' ');
        let words = before.trim_end_matches(is_of_instant);
        let written = before[words.len()..].trim_start();
        match NaiveDateTime::parse_from_str(written, "%Y-%m-%d %H:%M:%S%.f") {
            Ok(at) => {
                shown.push_str(&before[..before.len() - written.len()]);
                shown.push_str(&show(at.and_utc()));
            }
            Err(_) => shown.push_str(&rest[..end + UTC.len()]),
        }
        rest = after;
    }
    shown + rest
}

/// Reads what [`length`] writes, and more, such as `90s`, `2 days` or `1 小时 30 分`: milliseconds. Nothing is no time.
pub(crate) fn read_length(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() {
        return Some(0);
    }
    let units = [
        ("毫秒", "ms"),
        ("秒", "s"),
        ("分钟", "m"),
        ("分", "m"),
        ("小时", "h"),
        ("时", "h"),
        ("天", "d"),
    ];
    let text = (units.iter()).fold(text.to_owned(), |text, (chinese, unit)| {
        text.replace(chinese, unit)
    });
    let read = humantime::parse_duration(&text).ok()?;
    // Less than a millisecond would become none, which often means for ever.
    let is_whole = read.subsec_nanos() % 1_000_000 == 0;
    u64::try_from(read.as_millis()).ok().filter(|_| is_whole)
}

/// Like [`duration`], for a value that moves each second: no fractions to flicker.
pub(crate) fn rough_duration(length: TimeDelta) -> String {
    match length.num_seconds().max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => duration(TimeDelta::seconds(seconds)),
    }
}

/// A whole number with its thousands set apart.
pub(crate) fn count(number: impl Into<i64>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('−');
    }
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let of = |millis| duration(TimeDelta::milliseconds(millis));
        assert_eq!(of(-5), "0 ms");
        assert_eq!(of(840), "840 ms");
        assert_eq!(of(12_349), "12.3 s");
        assert_eq!(of(245_000), "4 m 05 s");
        assert_eq!(of(11_520_000), "3 h 12 m");
        assert_eq!(of(198_000_000), "2 d 7 h");
        assert_eq!(rough_duration(TimeDelta::milliseconds(1_900)), "1 s");
    }

    #[test]
    fn lengths_are_read_as_they_are_written() {
        let of = |text| read_length(text);
        for (millis, text) in [
            (0, "0"),
            (1, "1 ms"),
            (90_000, "1 m 30 s"),
            (5_400_000, "1 h 30 m"),
            (198_000_250, "2 d 7 h 250 ms"),
        ] {
            assert_eq!(length(millis), text);
            assert_eq!(of(text), Some(millis));
        }
        assert_eq!(of(" 90s "), Some(90_000));
        assert_eq!(of("1 小时30分钟 5 毫秒"), Some(5_400_005));
        assert_eq!(of("1h30m"), Some(5_400_000));
        assert_eq!(of("2 days"), Some(172_800_000));
        assert_eq!(of(""), Some(0));
        // Of what?
        assert_eq!(of("90"), None);
        assert_eq!(of("1 us"), None);
        assert_eq!(of("soon"), None);
        assert_eq!(of("-1 s"), None);
        assert_eq!(of("99999999999999999999 d"), None);
    }

    #[test]
    fn milliseconds_in_a_text_become_lengths() {
        for (said, shown) in [
            (
                "5 is not allowed; give 1000 (1 second) to 31622400000 (366 days)",
                "5 ms is not allowed; give 1 s to 366 d",
            ),
            (
                "is more than 86400000 (a day); give less, or 0 for none",
                "is more than 1 d; give less, or 0 for none",
            ),
            (
                "is more than 366 days; give 0 for no limit",
                "is more than 366 days; give 0 for no limit",
            ),
            (
                "99999999999999999999 is too much",
                "99999999999999999999 is too much",
            ),
        ] {
            assert_eq!(in_lengths(said), shown);
        }
    }

    #[test]
    fn instants_in_a_text_are_written_anew() {
        let show = |at: DateTime<Utc>| format!("<{}>", at.timestamp());
        for (said, shown) in [
            ("2026-03-09 08:00:00 UTC", "<1773043200>"),
            (
                "it starts at 2026-03-09 08:00:00.250 UTC, or at 1970-01-01 00:00:01 UTC; in UTC",
                "it starts at <1773043200>, or at <1>; in UTC",
            ),
            ("将于 1970-01-01 00:00:01 UTC 启动", "将于 <1> 启动"),
            ("最早到1970-01-01 00:00:01 UTC：", "最早到<1>："),
            ("every day at 08:00 UTC", "every day at 08:00 UTC"),
            ("", ""),
        ] {
            assert_eq!(in_times(said, show), shown);
        }
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(7), "7");
        assert_eq!(count(100_000), "100,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(-1_000), "−1,000");
    }

    #[test]
    fn instants_are_as_short_as_they_are_plain() {
        let at = NaiveDate::from_ymd_opt(2026, 3, 1)
            .unwrap()
            .and_hms_opt(9, 5, 7)
            .unwrap();
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(short(at, day(2026, 3, 1)), "09:05:07");
        assert_eq!(short(at, day(2026, 3, 2)), "03-01 09:05:07");
        assert_eq!(short(at, day(2027, 3, 1)), "2026-03-01 09:05:07");
    }
}
