//! Numbers, lists, lengths of time and instants in English.

use std::fmt::Display;

use chrono::{DateTime, SecondsFormat, Timelike, Utc};

/// `1st`, `2nd`, `11th`.
pub fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<T: Display>(items: &[T]) -> String {
    let mut words = String::new();
    for (index, item) in items.iter().enumerate() {
        let before = match items.len() - index {
            _ if index == 0 => "",
            1 => " and ",
            _ => ", ",
        };
        words.push_str(before);
        words.push_str(&item.to_string());
    }
    words
}

/// A length of time, exactly: `1 hour`, `1 minute and 30 seconds`.
pub fn length(ms: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1000, "second"),
        (1, "millisecond"),
    ];
    let mut rest = ms;
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        match count {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            count => parts.push(format!("{count} {unit}s")),
        }
    }
    if parts.is_empty() {
        return "0 milliseconds".to_owned();
    }
    list(&parts)
}

/// `2026-01-01 09:30 UTC`, with as much of seconds as it has.
pub fn instant(at: DateTime<Utc>) -> String {
    if at.second() == 0 && at.nanosecond() == 0 {
        return at.format("%Y-%m-%d %H:%M UTC").to_string();
    }
    let text = at.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    text.replace('T', " ").replace('Z', " UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lists_lengths_and_instants_are_english() {
        let ordinals: Vec<_> = [1, 2, 3, 4, 11, 12, 13, 21, 22, 31, 111]
            .map(ordinal)
            .into();
        assert_eq!(
            list(&ordinals),
            "1st, 2nd, 3rd, 4th, 11th, 12th, 13th, 21st, 22nd, 31st and 111th"
        );
        assert_eq!(list(&["a", "b"]), "a and b");
        assert_eq!(list::<u8>(&[]), "");
        assert_eq!(length(0), "0 milliseconds");
        assert_eq!(length(3_600_000), "1 hour");
        assert_eq!(
            length(2 * 86_400_000 + 61_001),
            "2 days, 1 minute, 1 second and 1 millisecond"
        );
        for (at, words) in [
            ("2026-01-01T09:30:00Z", "2026-01-01 09:30 UTC"),
            ("2026-01-01T09:30:05Z", "2026-01-01 09:30:05 UTC"),
            ("2026-01-01T09:30:00.25Z", "2026-01-01 09:30:00.250 UTC"),
        ] {
            assert_eq!(instant(at.parse().unwrap()), words);
        }
    }
}
