//! Random cases for tests that try many.

/// `SplitMix64`, so that every run tries the same cases.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % (high - low + 1) as u64) as i64
    }

    pub(crate) fn value(&mut self, low: u32, high: u32) -> u32 {
        self.between(low.into(), high.into()) as u32
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.value(0, choices.len() as u32 - 1) as usize]
    }

    /// A field as text, and the values it stands for.
    pub(crate) fn field(&mut self, low: u32, high: u32) -> (String, Vec<u32>) {
        let (from, to, step) = (
            self.value(low, high),
            self.value(low, high),
            self.value(1, 7),
        );
        match self.value(0, 5) {
            0 | 1 => ("*".to_owned(), (low..=high).collect()),
            2 => (format!("{from},{to}"), vec![from, to]),
            3 => (
                format!("{from}/{step}"),
                (from..=high).step_by(step as usize).collect(),
            ),
            _ => {
                // Round the clock from `from` to `to`, every `step` values.
                let mut values = vec![];
                let (mut value, mut count) = (from, 0);
                loop {
                    if count % step == 0 {
                        values.push(value);
                    }
                    if value == to {
                        break;
                    }
                    value = if value == high { low } else { value + 1 };
                    count += 1;
                }
                (format!("{from}-{to}/{step}"), values)
            }
        }
    }
}
