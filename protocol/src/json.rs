//! JSON that comes from outside.

use crate::MAX_DEPTH;

/// Whether a JSON text is nested deeper than [`MAX_DEPTH`].
pub fn is_too_deep(json: &[u8]) -> bool {
    let (mut depth, mut most, mut at) = (0usize, 0, 0);
    let mut in_text = false;
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                most = most.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most > MAX_DEPTH
}

/// Where the reader of a JSON text is.
enum Place {
    /// At this key of an object.
    Key(String),
    /// At this element of a list.
    Index(usize),
}

/// The first integer of a JSON text that no 64 bits hold, and so `serde_json` rounds, with the path to it: `a.b[1]`.
pub fn rounded_integer(json: &[u8]) -> Option<(String, String)> {
    let (mut places, mut text): (Vec<Place>, &[u8]) = (Vec::new(), b"");
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        let begin = at;
        at += 1;
        match byte {
            b'"' => {
                while *json.get(at)? != b'"' {
                    at += if json[at] == b'\\' { 2 } else { 1 };
                }
                text = &json[begin + 1..at];
                at += 1;
            }
            b'{' => places.push(Place::Key(String::new())),
            b'[' => places.push(Place::Index(0)),
            b'}' | b']' => drop(places.pop()),
            b':' => {
                if let Some(Place::Key(key)) = places.last_mut() {
                    *key = String::from_utf8_lossy(text).into_owned();
                }
            }
            b',' => {
                if let Some(Place::Index(index)) = places.last_mut() {
                    *index += 1;
                }
            }
            b'-' | b'0'..=b'9' => {
                let rest = json[at..].iter();
                let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(*byte);
                at += rest.take_while(is_part).count();
                let number = std::str::from_utf8(&json[begin..at]).ok()?;
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some((path(&places), number.to_owned()));
                }
            }
            _ => {}
        }
    }
    None
}

fn path(places: &[Place]) -> String {
    let mut path = String::new();
    for place in places {
        match place {
            Place::Key(key) if path.is_empty() => path.push_str(key),
            Place::Key(key) => path.extend([".", key]),
            Place::Index(index) => path.extend(["[", &index.to_string(), "]"]),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deep_is_found() {
        let nested = |n: usize| format!("{}{}", r#"[{"a\"[":"#.repeat(n), "}]".repeat(n));
        assert!(!is_too_deep(nested(MAX_DEPTH / 2).as_bytes()));
        assert!(is_too_deep(nested(MAX_DEPTH / 2 + 1).as_bytes()));
        let wide = format!("[{}0]", "[],".repeat(1000));
        assert!(!is_too_deep(wide.as_bytes()));
    }

    #[test]
    fn integers_that_would_be_rounded_are_found() {
        let found = |json: &str| rounded_integer(json.as_bytes());
        let pair = |key: &str, number: &str| Some((key.to_owned(), number.to_owned()));
        for fine in [
            "{}",
            r#"{"a": 18446744073709551615, "b": -9223372036854775808}"#,
            r#"{"a": 1e300, "b": 0.12345678901234567890123, "c": "123456789012345678901234"}"#,
            r#"{"a\"": "\\", "123456789012345678901234": 1}"#,
        ] {
            assert_eq!(found(fine), None, "{fine}");
        }
        assert_eq!(
            found(r#"{"a": 1, "b": [{"c\"d": [2, 18446744073709551616]}]}"#),
            pair("b[0].c\\\"d[1]", "18446744073709551616")
        );
        assert_eq!(
            found(r#"{"a": -9223372036854775809}"#),
            pair("a", "-9223372036854775809")
        );
    }
}
