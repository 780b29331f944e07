//! How much is due in the next hour.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::calendar::Calendars;
use crate::domain::schedule::{Schedule, Timing};
use crate::store::overview::{Soon, soon};

/// Minutes that are told.
const MINUTES: i64 = 60;
/// Most ticks of different schedules that are looked at, which takes a second or two: the schedules that most jobs have
/// come first, and what is beyond is left out.
const MOST_TICKS: usize = 5_000_000;

/// The ticks in each of the 60 minutes from `now` on that no calendar keeps out.
pub async fn count(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<i64>> {
    let soon = soon(conn, now).await?;
    let timings: Vec<Timing> = soon.iter().map(timing).collect();
    let calendars = Calendars::read(conn, timings.iter().flat_map(Timing::calendars)).await?;
    let counted = tokio::task::spawn_blocking(move || {
        let schedules = soon.iter().zip(timings);
        minutes(schedules, &calendars, now, MOST_TICKS)
    });
    Ok((counted.await).unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))
}

fn timing(soon: &Soon) -> Timing {
    // What cannot be read does not fire, and is told where it does not.
    Timing::from_text(soon.timing.as_deref()).unwrap_or_default()
}

fn minutes<'a>(
    schedules: impl Iterator<Item = (&'a Soon, Timing)>,
    calendars: &Calendars,
    now: DateTime<Utc>,
    most_ticks: usize,
) -> Vec<i64> {
    let mut minutes = vec![0; MINUTES as usize];
    let until = now + TimeDelta::minutes(MINUTES);
    let mut left = most_ticks;
    for (soon, timing) in schedules {
        let mut count = |at: DateTime<Utc>, timing: &Timing| {
            let minute = (at - now).num_minutes() as usize;
            if calendars.lies_out(timing, at).is_none()
                && let Some(minute) = minutes.get_mut(minute)
            {
                *minute += soon.jobs;
            }
        };
        if let Some(at) = soon.at {
            count(at, &timing);
            continue;
        }
        let Ok(Some(schedule)) = Schedule::new(soon.cron.as_deref(), &soon.time_zone, timing)
        else {
            continue;
        };
        for at in schedule.within(now, until).take(left) {
            left -= 1;
            count(at, schedule.timing());
        }
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon(cron: Option<&str>, timing: Option<&str>, jobs: i64) -> Soon {
        Soon {
            cron: cron.map(str::to_owned),
            time_zone: "UTC".to_owned(),
            timing: timing.map(str::to_owned),
            at: None,
            jobs,
        }
    }

    fn counted(all: &[Soon], most_ticks: usize) -> Vec<i64> {
        let now = "2026-03-09T08:06:09Z".parse().expect("an instant");
        let schedules = all.iter().map(|soon| (soon, timing(soon)));
        minutes(schedules, &Calendars::default(), now, most_ticks)
    }

    #[test]
    fn each_tick_of_each_job_counts_in_its_minute() {
        let delayed = Soon {
            at: Some("2026-03-09T08:10:00Z".parse().expect("an instant")),
            ..soon(None, None, 1)
        };
        let told = counted(
            &[
                soon(Some("0 * * * * ?"), None, 3),
                soon(None, Some(r#"{"fixed_rate_ms": 20000}"#), 1),
                soon(Some("0 0 3 * * ?"), None, 1),
                delayed,
            ],
            MOST_TICKS,
        );
        let mut expected = vec![6; 60];
        expected[3] += 1;
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        let dense = [
            soon(Some("* * * * * ?"), None, 2),
            soon(Some("* * * * * ?"), None, 1),
        ];
        assert_eq!(counted(&dense, 60).iter().sum::<i64>(), 120);
    }
}
