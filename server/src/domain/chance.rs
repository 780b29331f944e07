//! Numbers that look like chance, and are the same on every server, in every release and at every look.
//!
//! What is computed here decides when jobs fire, so the functions never change: FNV-1a with 64 bits for text, and the
//! output function of `SplitMix64` for numbers.

/// The seed of a job: FNV-1a of `app/job` in UTF-8.
pub fn seed(app: &str, job: &str) -> u64 {
    let bytes = app.bytes().chain([b'/']).chain(job.bytes());
    bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// A number below `below`, chosen by `seed` and `index`; 0 if `below` is 0.
pub fn pick(seed: u64, index: u64, below: u64) -> u64 {
    mix(seed ^ mix(index)).checked_rem(below).unwrap_or(0)
}

/// `SplitMix64`: each bit of the result depends on each bit of `value`.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_first_release() {
        // From another program, which gives the published values for "a" and "foobar".
        assert_eq!(seed("", ""), 0xAF63_A24C_8601_89FE);
        assert_eq!(seed("shop", "settle"), 0xCAB3_E4B9_3090_EFBD);
        // The first outputs of SplitMix64 from state 0.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn picks_are_spread_evenly() {
        let mut counts = [0; 60];
        for job in 0..6000 {
            counts[pick(seed("shop", &format!("job-{job}")), 1, 60) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (60..150).contains(count)),
            "{counts:?}"
        );
    }
}
