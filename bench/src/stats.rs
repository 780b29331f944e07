//! Medians and percentiles.

use serde::{Deserialize, Serialize};

/// The middle of several runs, and how far they lie apart.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
    pub(crate) runs: usize,
}

impl Spread {
    /// Of one value or more.
    pub(crate) fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        let middle = sorted.len() / 2;
        let median = match (sorted.len() % 2, sorted.get(middle)) {
            (0, Some(upper)) => f64::midpoint(sorted[middle - 1], *upper),
            (_, Some(middle)) => *middle,
            (_, None) => f64::NAN,
        };
        Self {
            median,
            least: sorted.first().copied().unwrap_or(f64::NAN),
            most: sorted.last().copied().unwrap_or(f64::NAN),
            runs: sorted.len(),
        }
    }
}

/// What many samples look like.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) most: f64,
    pub(crate) samples: usize,
}

impl Percentiles {
    /// By nearest rank.
    pub(crate) fn of(values: &[f64]) -> Self {
        let sorted = sorted(values);
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            // JSON knows no NaN; `samples` says that there are none.
            sorted.get(rank - 1).copied().unwrap_or(0.0)
        };
        Self {
            p50: at(50),
            p95: at(95),
            p99: at(99),
            most: at(100),
            samples: sorted.len(),
        }
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
