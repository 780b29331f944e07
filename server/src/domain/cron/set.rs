//! Sets of field values as bits, so that the next value is one shift and one count of zeros.

/// The first year that can match.
pub(super) const FIRST_YEAR: i32 = 1970;
/// The last year that can match, as the Quartz manual has it.
pub const LAST_YEAR: i32 = 2099;

const YEAR_WORDS: usize = (LAST_YEAR.abs_diff(FIRST_YEAR) / u64::BITS) as usize + 1;

/// A set of numbers below 64: the values of any field but the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BitSet(pub(super) u64);

impl BitSet {
    pub(super) const EMPTY: Self = Self(0);

    /// The set of one value; empty if it is 64 or more.
    pub(super) fn of(value: u32) -> Self {
        Self(1_u64.checked_shl(value).unwrap_or(0))
    }

    pub(super) fn contains(self, value: u32) -> bool {
        self.0 & Self::of(value).0 != 0
    }

    pub(super) fn first(self) -> Option<u32> {
        self.at_or_after(0)
    }

    pub(super) fn at_or_after(self, from: u32) -> Option<u32> {
        let rest = self.0.checked_shr(from)?;
        (rest != 0).then(|| from + rest.trailing_zeros())
    }

    /// The values at or after `from`, in order.
    pub(super) fn from(self, from: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(self.at_or_after(from), move |value| {
            self.at_or_after(value + 1)
        })
    }
}

impl FromIterator<u32> for BitSet {
    fn from_iter<I: IntoIterator<Item = u32>>(values: I) -> Self {
        Self(
            values
                .into_iter()
                .fold(0, |bits, value| bits | Self::of(value).0),
        )
    }
}

/// A set of years from [`FIRST_YEAR`] to [`LAST_YEAR`].
#[derive(Debug, Clone, Copy)]
pub(super) struct YearSet([BitSet; YEAR_WORDS]);

impl YearSet {
    pub(super) fn contains(self, year: i32) -> bool {
        let Ok(index) = u32::try_from(year - FIRST_YEAR) else {
            return false;
        };
        let (word, bit) = Self::position(index);
        self.0.get(word).is_some_and(|bits| bits.contains(bit))
    }

    /// The years at or after `from`, in order.
    pub(super) fn from(self, from: i32) -> impl Iterator<Item = i32> {
        (from.max(FIRST_YEAR)..=LAST_YEAR).filter(move |year| self.contains(*year))
    }

    /// The word and the bit of the year so many years after the first.
    fn position(index: u32) -> (usize, u32) {
        ((index / u64::BITS) as usize, index % u64::BITS)
    }
}

impl FromIterator<u32> for YearSet {
    /// Years out of range are left out: the `cron` crate counts to 2100.
    fn from_iter<I: IntoIterator<Item = u32>>(years: I) -> Self {
        let mut words = [BitSet::EMPTY; YEAR_WORDS];
        for year in years
            .into_iter()
            .filter(|year| *year <= LAST_YEAR.unsigned_abs())
        {
            let Some(index) = year.checked_sub(FIRST_YEAR.unsigned_abs()) else {
                continue;
            };
            let (word, bit) = Self::position(index);
            if let Some(bits) = words.get_mut(word) {
                bits.0 |= BitSet::of(bit).0;
            }
        }
        Self(words)
    }
}
