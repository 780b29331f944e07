//! Random expressions against slow enumerations that share no code with the search, and random
//! text and dates against panics.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

use super::CronExpression;
use crate::domain::random::Random;

type DayTest = Box<dyn Fn(NaiveDate) -> bool>;

/// Both day fields as text, and whether a date matches, told from the calendar alone.
fn random_days(random: &mut Random) -> (String, String, DayTest) {
    fn month_of(date: NaiveDate) -> impl Iterator<Item = NaiveDate> {
        let first = date.with_day(1).unwrap();
        first
            .iter_days()
            .take_while(move |day| day.month() == date.month())
    }
    fn nearest(day: NaiveDate) -> NaiveDate {
        let month = day.month();
        [0, -1, 1, -2, 2]
            .map(|days| day + TimeDelta::days(days))
            .into_iter()
            .find(|day| day.month() == month && day.weekday().number_from_monday() <= 5)
            .unwrap()
    }
    let (text, values) = random.field(1, 31);
    let (week_text, week_values) = random.field(1, 7);
    let count = random.value(0, 12);
    let date = random.value(1, 28);
    let weekday = random.value(1, 7);
    let nth = random.value(1, 5);
    let is_weekday = move |day: NaiveDate| day.weekday().number_from_sunday() == weekday;
    let none = "?".to_owned();
    match random.value(0, 7) {
        0 => (text, none, Box::new(move |day| values.contains(&day.day()))),
        1 => (
            none,
            week_text,
            Box::new(move |day| week_values.contains(&day.weekday().number_from_sunday())),
        ),
        2 => (
            format!("L-{count}"),
            none,
            Box::new(move |day| {
                month_of(day).filter(|other| *other > day).count() == count as usize
            }),
        ),
        3 => (
            format!("L-{count}W"),
            none,
            Box::new(move |day| {
                let month: Vec<_> = month_of(day).collect();
                nearest(month[month.len() - 1 - count as usize]) == day
            }),
        ),
        4 | 5 => (
            format!("{date}W"),
            none,
            Box::new(move |day| nearest(day.with_day(date).unwrap()) == day),
        ),
        6 => (
            none,
            format!("{weekday}L"),
            Box::new(move |day| {
                month_of(day).filter(|other| is_weekday(*other)).last() == Some(day)
            }),
        ),
        _ => (
            none,
            format!("{weekday}#{nth}"),
            Box::new(move |day| {
                month_of(day)
                    .filter(|other| is_weekday(*other))
                    .nth(nth as usize - 1)
                    == Some(day)
            }),
        ),
    }
}

#[test]
fn days_agree_with_an_enumeration_of_the_calendar() {
    let mut random = Random(1);
    for _ in 0..150 {
        let (date, weekday, matches) = random_days(&mut random);
        let (month, months) = random.field(1, 12);
        let source = format!("0 0 12 {date} {month} {weekday}");
        let expression = CronExpression::parse(&source).expect(&source);
        let start =
            NaiveDate::from_ymd_opt(random.between(1990, 2090) as i32, random.value(1, 12), 1);
        let start = start.unwrap();
        let expected: Vec<_> = start
            .iter_days()
            .take(400)
            .filter(|day| months.contains(&day.month()) && matches(*day))
            .collect();
        let end = start + TimeDelta::days(400);
        let found: Vec<_> = expression
            .upcoming(start.and_hms_opt(0, 0, 0).unwrap().and_utc(), Tz::UTC)
            .map(|fire| fire.date_naive())
            .take_while(|day| *day < end)
            .collect();
        assert_eq!(found, expected, "{source} from {start}");
    }
}

/// Instants shortly before the clocks of a zone change, and some where nothing happens.
const NEAR_CHANGES: [(Tz, &str); 8] = [
    (Tz::America__New_York, "2026-03-08T06:30:00Z"),
    (Tz::America__New_York, "2026-11-01T05:00:00Z"),
    (Tz::Europe__London, "2027-03-28T00:30:00Z"),
    (Tz::Europe__London, "2026-10-24T23:45:00Z"),
    (Tz::Australia__Lord_Howe, "2026-10-03T15:00:00Z"),
    (Tz::Australia__Lord_Howe, "2026-04-04T14:30:00Z"),
    (Tz::America__Sao_Paulo, "2018-11-04T02:30:00Z"),
    (Tz::Asia__Kolkata, "2026-12-31T18:00:00Z"),
];

#[test]
fn times_agree_with_an_enumeration_of_seconds() {
    const SECONDS: i64 = 3 * 3600;
    let mut random = Random(2);
    for case in 0..48 {
        let (tz, start) = NEAR_CHANGES[case % NEAR_CHANGES.len()];
        let start: DateTime<Utc> = start.parse().unwrap();
        let start = start + TimeDelta::seconds(random.between(0, 3600));
        let (hour, hours) = random.field(0, 23);
        let (minute, minutes) = random.field(0, 59);
        let (second, seconds) = random.field(0, 59);
        let source = format!("{second} {minute} {hour} * * ?");
        let expression = CronExpression::parse(&source).expect(&source);
        let matches = |wall: NaiveDateTime| {
            hours.contains(&wall.hour())
                && minutes.contains(&wall.minute())
                && seconds.contains(&wall.second())
        };
        let expected: Vec<_> = (1..=SECONDS)
            .map(|second| start + TimeDelta::seconds(second))
            .filter(|instant| {
                let wall = instant.with_timezone(&tz).naive_local();
                // Of two instants with one wall-clock time only the later fires.
                matches(wall)
                    && tz.from_local_datetime(&wall).latest()
                        == Some(*instant).map(|t| t.with_timezone(&tz))
            })
            .collect();
        let end = start + TimeDelta::seconds(SECONDS);
        let found: Vec<_> = expression
            .upcoming(start, tz)
            .take_while(|fire| *fire <= end)
            .collect();
        assert_eq!(found, expected, "{source} in {tz} from {start}");
    }
}

#[test]
fn the_next_time_never_goes_back_when_the_clock_goes_forward() {
    let mut random = Random(3);
    for (tz, start) in NEAR_CHANGES {
        let start: DateTime<Utc> = start.parse().unwrap();
        for _ in 0..6 {
            let source = format!(
                "0 {} {} * * ?",
                random.field(0, 59).0,
                random.field(0, 23).0
            );
            let expression = CronExpression::parse(&source).expect(&source);
            let mut last = start;
            for minute in 0..180 {
                let after = start + TimeDelta::minutes(minute);
                let next = expression.next_after(after, tz).unwrap();
                assert!(
                    next > after && next >= last,
                    "{source} in {tz} after {after}: {next}"
                );
                last = next;
            }
        }
    }
}

#[test]
fn expressions_without_extras_fire_as_the_cron_crate_says() {
    let mut random = Random(4);
    for _ in 0..150 {
        let mut plain = |low, high| loop {
            let (text, _) = random.field(low, high);
            let backwards = text.split(['-', '/']).map(str::parse::<u32>);
            // The crate has no ranges that wrap around.
            if !text.contains('-') || backwards.map(Result::unwrap).take(2).is_sorted() {
                return text;
            }
        };
        let fields =
            [(0, 59), (0, 59), (0, 23), (1, 28), (1, 12)].map(|(low, high)| plain(low, high));
        let source = format!("{} ?", fields.join(" "));
        let schedule: ::cron::Schedule = source.parse().expect(&source);
        let after = DateTime::from_timestamp(random.between(0, 3_000_000_000), 0).unwrap();
        let expected: Vec<_> = schedule.after(&after).take(5).collect();
        let expression = CronExpression::parse(&source).expect(&source);
        let found: Vec<_> = expression.upcoming(after, Tz::UTC).take(5).collect();
        assert_eq!(found, expected, "{source} after {after}");
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    const PARTS: [&str; 26] = [
        "0",
        "5",
        "59",
        "60",
        "2027",
        "4294967296",
        "*",
        "?",
        "/",
        "-",
        ",",
        "#",
        "L",
        "W",
        "l",
        "LW",
        "MON",
        "fri",
        "JAN",
        " ",
        " ",
        " ",
        "\t",
        "é",
        "日",
        "+",
    ];
    let mut random = Random(5);
    let mut valid = 0;
    for round in 0..20_000 {
        let mut text = String::new();
        if round % 2 == 0 {
            for _ in 0..random.value(0, 20) {
                text.push_str(random.pick(&PARTS));
            }
        } else {
            let mut fields = ["0", "*", "0/5", "?", "1-3", "MON-FRI"];
            let changed = random.value(0, 5) as usize;
            let field = random.pick(&PARTS).to_owned() + random.pick(&PARTS);
            fields[changed] = &field;
            text = fields.join(" ");
        }
        if let Ok(expression) = CronExpression::parse(&text) {
            expression.next_after(DateTime::UNIX_EPOCH, Tz::Asia__Shanghai);
            valid += 1;
        }
    }
    assert!(
        valid > 100,
        "only {valid} were valid: the test tries too little"
    );
}

#[test]
fn no_date_or_zone_makes_the_search_panic() {
    let mut random = Random(6);
    let expressions = [
        "* * * * * ?",
        "0 0 2 L-30W * ?",
        "59 59 23 31W 12 ?",
        "0 30 1 ? * 1#5 2099",
    ]
    .map(|source| CronExpression::parse(source).expect(source));
    let year = |year| {
        NaiveDate::from_ymd_opt(year, 1, 1)
            .unwrap()
            .and_hms_opt(0, 0, 0)
            .unwrap()
            .and_utc()
    };
    let corners = [
        DateTime::<Utc>::MIN_UTC,
        DateTime::<Utc>::MAX_UTC,
        year(1),
        year(1970),
        year(2099),
        year(2100),
        year(9999),
    ];
    for zone in chrono_tz::TZ_VARIANTS {
        let somewhere =
            DateTime::from_timestamp(random.between(-62_000_000_000, 253_000_000_000), 0);
        let valid = DateTime::from_timestamp(random.between(0, 4_102_000_000), 0);
        for after in corners.into_iter().chain(somewhere).chain(valid) {
            for expression in &expressions {
                let next = expression.next_after(after, zone);
                assert!(
                    next.is_none_or(|next| next > after),
                    "{expression} in {zone} after {after}"
                );
            }
        }
    }
}
