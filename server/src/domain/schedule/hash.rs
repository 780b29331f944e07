//! What chance is to a schedule: always the same for a job.

use super::super::job::FieldError;

/// FNV-1a, 64 bits.
pub(in crate::domain) fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Spreads what differs in few bits over all of them: the finalizer of `SplitMix64`.
pub(super) fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// What each field of an expression may be. Days of the month end with the last that every month has, as in Jenkins.
const FIELDS: [(&str, u64, u64); 6] = [
    ("seconds", 0, 59),
    ("minutes", 0, 59),
    ("hours", 0, 23),
    ("day-of-month", 1, 28),
    ("month", 1, 12),
    ("day-of-week", 1, 7),
];

/// Puts a value of its own for each `H` of an expression, as Jenkins does: `H` is any value of the field, `H(a-b)` one
/// from a to b, `H/n` and `H(a-b)/n` every n-th from a start below n on.
pub fn resolve_hashes(cron: &str, seed: u64) -> Result<String, FieldError> {
    if !cron.contains(['H', 'h']) {
        return Ok(cron.to_owned());
    }
    let fields: Vec<String> = cron
        .split_ascii_whitespace()
        .enumerate()
        .map(|(index, field)| {
            let parts: Result<Vec<String>, FieldError> = field
                .split(',')
                .map(|part| resolve(part, index, seed))
                .collect();
            Ok(parts?.join(","))
        })
        .collect::<Result<_, FieldError>>()?;
    Ok(fields.join(" "))
}

/// One element of a list.
fn resolve(part: &str, index: usize, seed: u64) -> Result<String, FieldError> {
    let rest = match part.strip_prefix(['H', 'h']) {
        Some(rest) if rest.is_empty() || rest.starts_with(['(', '/']) => rest,
        _ => return Ok(part.to_owned()),
    };
    let Some((name, lowest, highest)) = FIELDS.get(index) else {
        return Err(wrong(format!(
            "`{part}`: the year has no H; write a year or *"
        )));
    };
    let unclear = || {
        wrong(format!(
            "`{part}` in {name} is not clear; write H, H/n, H(a-b) or H(a-b)/n with {lowest} to {highest}"
        ))
    };
    let (range, step) = match rest.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<u64>().map_err(|_| unclear())?)),
        None => (rest, None),
    };
    let (low, high) = if range.is_empty() {
        (*lowest, *highest)
    } else {
        let inner = range.strip_prefix('(').and_then(|r| r.strip_suffix(')'));
        let (low, high) = inner.and_then(|r| r.split_once('-')).ok_or_else(unclear)?;
        let parse = |text: &str| text.parse::<u64>().map_err(|_| unclear());
        (parse(low)?, parse(high)?)
    };
    if low < *lowest || high > *highest || low > high {
        return Err(unclear());
    }
    let chance = mix(seed.wrapping_add(index as u64));
    Ok(match step {
        None => (low + chance % (high - low + 1)).to_string(),
        Some(step) if step == 0 || step > high - low + 1 => return Err(unclear()),
        Some(step) => format!("{}-{high}/{step}", low + chance % step),
    })
}

fn wrong(message: String) -> FieldError {
    FieldError {
        field: "cron",
        message,
    }
}
