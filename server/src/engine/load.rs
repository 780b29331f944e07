//! How much this process does, for people to see.

use std::time::{Duration, Instant};

use crate::store::server::Load;

/// Looks from time to time.
#[derive(Debug, Default)]
pub struct Meter(Option<(Instant, Duration)>);

impl Meter {
    /// Looks now.
    pub fn look(&mut self) -> Load {
        let now = Instant::now();
        let Some((cpu, memory)) = of_this_process() else {
            return Load::default();
        };
        let before = self.0.replace((now, cpu));
        let cpu_percent = before.and_then(|(at, before)| {
            let (took, passed) = (cpu.saturating_sub(before), now - at);
            let percent = took.as_secs_f64() / passed.as_secs_f64() * 100.0;
            percent.is_finite().then_some(percent.round() as i32)
        });
        Load {
            cpu_percent,
            memory_bytes: Some(memory),
        }
    }
}

/// CPU time and resident memory, where there is `/proc`.
fn of_this_process() -> Option<(Duration, i64)> {
    parse(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn parse(stat: &str) -> Option<(Duration, i64)> {
    // "12 (any name) S 11 …": the name may itself have parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // Fields 14, 15 and 24 of proc(5).
    let (user, system, pages) = (number(11)?, number(12)?, number(21)?);
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let cpu = Duration::from_millis((user + system) * 1000 / ticks);
    let memory = pages * rustix::param::page_size() as u64;
    Some((cpu, memory as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_does_not_shift_the_fields() {
        let rest =
            "S 1 1 1 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 5 0 99 123456 10 18446744073709551615";
        let (cpu, memory) = parse(&format!("7 (a) b) (c) {rest}")).expect("it can be read");
        let ticks = rustix::param::clock_ticks_per_second();
        assert_eq!(cpu, Duration::from_millis(300 * 1000 / ticks));
        assert_eq!(memory, 10 * rustix::param::page_size() as i64);
        assert_eq!(parse("7 (short) S 1"), None);
    }

    #[test]
    fn the_first_look_knows_no_rate() {
        let mut meter = Meter::default();
        assert_eq!(meter.look().cpu_percent, None);
        assert!(meter.look().cpu_percent.is_none_or(|percent| percent >= 0));
    }
}
