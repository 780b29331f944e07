//! JSON that comes from outside.

/// The first integer of a JSON text that no 64 bits hold, as `serde_json` rounds it, and the key that it or its list has.
pub fn rounded_integer(json: &[u8]) -> Option<(String, String)> {
    let (mut key, mut text): (&[u8], &[u8]) = (b"", b"");
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
            b':' => key = text,
            b'-' | b'0'..=b'9' => {
                let rest = json[at..].iter();
                let is_part = |byte: &&u8| byte.is_ascii_digit() || b"+-.eE".contains(*byte);
                at += rest.take_while(is_part).count();
                let number = std::str::from_utf8(&json[begin..at]).ok()?;
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    let key = String::from_utf8_lossy(key).into_owned();
                    return Some((key, number.to_owned()));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

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
            pair("c\\\"d", "18446744073709551616")
        );
        assert_eq!(
            found(r#"{"a": -9223372036854775809}"#),
            pair("a", "-9223372036854775809")
        );
    }
}
