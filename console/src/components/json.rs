//! JSON that is typed.

use antares_protocol::json::rounded_integer;
use serde_json::Value;

use crate::i18n::Texts;

/// What is wrong with a text, in the language of the viewer.
pub(crate) type Wrong = Box<dyn Fn(&Texts) -> String + Send + Sync>;

/// As [`read_json`] reads it.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        value => serde_json::to_string_pretty(value).unwrap_or_default(),
    }
}

/// Reads JSON; nothing is null.
///
/// # Errors
///
/// It is none, or holds an integer that the browser would send rounded: the server would not see it.
pub(crate) fn read_json(text: &str) -> Result<Value, Wrong> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    let value = serde_json::from_str(text).map_err(|error| -> Wrong {
        let (line, column) = (error.line(), error.column());
        let said = error.to_string();
        // The place is told apart from it.
        let said = said
            .rsplit_once(" at line ")
            .map_or(&*said, |(said, _)| said);
        let said = said.to_owned();
        Box::new(move |t| (t.editor.no_json)(&said, line, column))
    })?;
    match rounded_integer(text.as_bytes()) {
        Some((_, number)) => Err(Box::new(move |t| (t.editor.rounded)(&number))),
        None => Ok(value),
    }
}
