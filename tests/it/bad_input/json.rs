//! Ways to spoil a JSON value.

use serde_json::Value;

/// A step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// Where something is in a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place(pub Vec<Step>);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Key(key) if position == 0 => write!(f, "{key}")?,
                Step::Key(key) => write!(f, ".{key}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Every place in `value`, itself left out.
pub(super) fn places(value: &Value) -> Vec<Place> {
    fn visit(value: &Value, at: &Place, found: &mut Vec<Place>) {
        let steps: Vec<(Step, &Value)> = match value {
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (Step::Key(key.clone()), value))
                .collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .map(|(i, value)| (Step::Index(i), value))
                .collect(),
            _ => Vec::new(),
        };
        for (step, value) in steps {
            let mut place = at.clone();
            place.0.push(step);
            found.push(place.clone());
            visit(value, &place, found);
        }
    }
    let mut found = Vec::new();
    visit(value, &Place::default(), &mut found);
    found
}

/// What is at `place`.
pub(super) fn at<'a>(value: &'a mut Value, place: &[Step]) -> &'a mut Value {
    place.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Index(index) => &mut value[*index],
    })
}

/// `value` with `new` at `place`.
pub(super) fn with(value: &Value, place: &Place, new: Value) -> Value {
    let mut value = value.clone();
    *at(&mut value, &place.0) = new;
    value
}

/// `value` without what is at `place`.
pub(super) fn without(value: &Value, place: &Place) -> Value {
    let mut value = value.clone();
    let (last, parent) = place.0.split_last().expect("a place has a step");
    match (at(&mut value, parent), last) {
        (Value::Object(fields), Step::Key(key)) => {
            fields.remove(key);
        }
        (Value::Array(items), Step::Index(index)) => {
            items.remove(*index);
        }
        _ => unreachable!("the place was found in the value"),
    }
    value
}
