//! Jenkins' `H`: a value that the job's name chooses, so that jobs written alike do not all fire at once.
//!
//! `H` is any value of its field, `H(a-b)` one of a range, `H/n` every n-th value from one of the first n, and
//! `H(a-b)/n` the same within the range. Days of the month go to the 28th only, as in Jenkins, so that every month
//! has them. The year has no `H`.

#[cfg(test)]
mod tests;

use super::error::CronError;
use super::field::Field;
use crate::domain::chance;

const FIELDS: [Field; 7] = [
    Field::Seconds,
    Field::Minutes,
    Field::Hours,
    Field::DayOfMonth,
    Field::Month,
    Field::DayOfWeek,
    Field::Year,
];

/// The last day of the month that `H` stands for.
const LAST_DAY: u32 = 28;

/// Replaces each `H` of an expression by what `seed` chooses. The result is Quartz's language, except for faults that
/// were in the expression before; without `H` it is the same text.
pub fn resolve_hashes(source: &str, seed: u64) -> Result<String, CronError> {
    let fields: Vec<&str> = source.split_ascii_whitespace().collect();
    let has_hash = |field: &&str| field.split(',').any(|item| range_of(item).is_some());
    if !fields.iter().any(has_hash) {
        return Ok(source.to_owned());
    }
    match fields.len() {
        6 | 7 => {}
        5 => return Err(CronError::MissingSeconds),
        found => return Err(CronError::FieldCount { found }),
    }
    let fields = FIELDS.iter().zip(fields).enumerate();
    let resolved: Result<Vec<_>, _> = fields
        .map(|(place, (field, text))| {
            let items = text.split(',').enumerate().map(|(nth, item)| {
                let index = (nth * FIELDS.len() + place) as u64;
                resolve(*field, item, |below| {
                    chance::pick(seed, index, below.into()) as u32
                })
            });
            Ok(items.collect::<Result<Vec<_>, _>>()?.join(","))
        })
        .collect();
    Ok(resolved?.join(" "))
}

/// What is between the brackets of an item `H(...)`, empty for a plain `H`, and what is after the `/`. `None` if the
/// item is something else, such as `THU`.
fn range_of(item: &str) -> Option<(&str, Option<&str>)> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step)),
        None => (item, None),
    };
    let rest = base.strip_prefix(['H', 'h'])?;
    if rest.is_empty() {
        return Some(("", step));
    }
    Some((rest.strip_prefix('(')?.strip_suffix(')')?, step))
}

fn resolve(field: Field, item: &str, pick: impl Fn(u32) -> u32) -> Result<String, CronError> {
    let Some((range, step)) = range_of(item) else {
        return Ok(item.to_owned());
    };
    let malformed = |problem| CronError::malformed(field, item, problem);
    if field == Field::Year {
        return Err(malformed(
            "has no meaning for years: write numbers, or leave the year out",
        ));
    }
    let (first, last) = match (range.split_once('-'), item.contains('(')) {
        (Some((first, last)), _) => (field.value(first)?, field.value(last)?),
        (None, false) => {
            let (first, last) = field.range();
            let is_date = field == Field::DayOfMonth;
            (first, if is_date { LAST_DAY } else { last })
        }
        (None, true) => {
            return Err(malformed(
                "has no range in its brackets: write one as in H(0-29)",
            ));
        }
    };
    if first > last {
        return Err(malformed(
            "ends before it starts: write the lower value first",
        ));
    }
    let size = last - first + 1;
    let Some(step) = step else {
        return Ok((first + pick(size)).to_string());
    };
    let step = field.step(step)?;
    let start = first + pick(step.min(size));
    Ok(format!("{start}-{last}/{step}"))
}
