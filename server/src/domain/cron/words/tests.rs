//! What people are told about expressions.

use std::collections::HashMap;

use super::super::CronExpression;
use crate::domain::random::Random;

fn words(source: &str) -> String {
    let parsed = CronExpression::parse(source);
    parsed
        .unwrap_or_else(|error| panic!("{source}: {error}"))
        .in_words()
}

fn check(table: &[(&str, &str)]) {
    for (source, expected) in table {
        assert_eq!(words(source), *expected, "{source}");
    }
}

#[test]
fn times_spread_over_the_day_have_the_words_that_people_use() {
    check(&[
        ("* * * * * ?", "every second"),
        ("0/10 * * * * ?", "every 10 seconds"),
        ("0 * * * * ?", "every minute"),
        ("0 0/15 * * * ?", "every 15 minutes"),
        ("0 0,30 * * * ?", "every 30 minutes"),
        ("0 0 * * * ?", "every hour"),
        ("0 0 0/6 * * ?", "every 6 hours"),
        ("30 * * * * ?", "at second 30 of every minute"),
        ("0 5 * * * ?", "at minute 5 of every hour"),
        (
            "0 5/15 * * * ?",
            "at minutes 5, 20, 35 and 50 of every hour",
        ),
        (
            "0 0/7 * * * ?",
            "every 7th minute from 0 to 56 of every hour",
        ),
        ("0 10-20 * * * ?", "at minutes 10 to 20 of every hour"),
        (
            "5,10 7 * * * ?",
            "at seconds 5 and 10 of minute 7 of every hour",
        ),
        ("* 7 * * * ?", "every second of minute 7 of every hour"),
    ]);
}

#[test]
fn times_of_the_day_have_the_words_that_people_use() {
    check(&[
        ("0 30 2 * * ?", "at 02:30 every day"),
        ("15 30 2 * * ?", "at 02:30:15 every day"),
        ("0 0 9,12,15 * * ?", "at 09:00, 12:00 and 15:00 every day"),
        ("0 0,30 9 * * ?", "at 09:00 and 09:30 every day"),
        (
            "0 0/15 9-17 * * ?",
            "every 15 minutes from 09:00 to 17:45 every day",
        ),
        ("0 * 9 * * ?", "every minute from 09:00 to 09:59 every day"),
        (
            "* * 22-23 * * ?",
            "every second from 22:00:00 to 23:59:59 every day",
        ),
        (
            "0/30 * 5 * * ?",
            "every 30 seconds from 05:00:00 to 05:59:30 every day",
        ),
        (
            "0 30 8-18 * * ?",
            "every hour from 08:30 to 18:30 every day",
        ),
        (
            "5 30 8-18 * * ?",
            "every hour from 08:30:05 to 18:30:05 every day",
        ),
        (
            "0 30 1/2 * * ?",
            "at minute 30 of every 2nd hour from 1 to 23 every day",
        ),
        (
            "0 30 0/2 * * ?",
            "at minute 30 of every 2nd hour from 0 to 22 every day",
        ),
        (
            "0 1,2,5 9,11 * * ?",
            "at minutes 1, 2 and 5 of hours 9 and 11 every day",
        ),
        ("0 * 9,11 * * ?", "every minute of hours 9 and 11 every day"),
        (
            "* 7 9 * * ?",
            "every second of minute 7 of hour 9 every day",
        ),
    ]);
}

#[test]
fn days_have_the_words_that_people_use() {
    check(&[
        (
            "0 15 10 ? * 6L",
            "at 10:15 on the last Friday of every month",
        ),
        (
            "0 15 10 ? * 6#3",
            "at 10:15 on the third Friday of every month",
        ),
        (
            "0 15 10 ? * 6#5",
            "at 10:15 on the fifth Friday of every month that has one",
        ),
        ("0 15 10 ? * MON-FRI", "at 10:15 from Monday to Friday"),
        ("0 15 10 ? * SUN,SAT", "at 10:15 every Saturday and Sunday"),
        ("0 15 10 ? * SUN", "at 10:15 every Sunday"),
        (
            "0 15 10 ? * FRI-MON",
            "at 10:15 every Monday, Friday, Saturday and Sunday",
        ),
        (
            "0 15 10 ? * 1/2",
            "at 10:15 every Tuesday, Thursday, Saturday and Sunday",
        ),
        ("0 15 10 ? * *", "at 10:15 every day"),
        ("0 15 10 1 * ?", "at 10:15 on the 1st of every month"),
        (
            "0 15 10 1,15 * ?",
            "at 10:15 on the 1st and 15th of every month",
        ),
        (
            "0 15 10 31 * ?",
            "at 10:15 on the 31st of every month that has one",
        ),
        (
            "0 15 10 1-5 * ?",
            "at 10:15 from the 1st to the 5th of every month",
        ),
        (
            "0 15 10 2/3 * ?",
            "at 10:15 on every 3rd day from the 2nd to the 29th of every month",
        ),
        ("0 15 10 L * ?", "at 10:15 on the last day of every month"),
        (
            "0 15 10 L-1 * ?",
            "at 10:15 on the day before the last day of every month",
        ),
        (
            "0 15 10 L-3 * ?",
            "at 10:15 on the 3rd day before the last day of every month",
        ),
        (
            "0 15 10 LW * ?",
            "at 10:15 on the last weekday (Monday to Friday) of every month",
        ),
        (
            "0 15 10 L-3W * ?",
            "at 10:15 on the weekday (Monday to Friday) nearest to the 3rd day before the last day of every month",
        ),
        (
            "0 15 10 15W * ?",
            "at 10:15 on the weekday (Monday to Friday) nearest to the 15th of every month",
        ),
        (
            "0 0/15 * ? * MON-FRI",
            "every 15 minutes from Monday to Friday",
        ),
        (
            "0 0/15 * L * ?",
            "every 15 minutes on the last day of every month",
        ),
    ]);
}

#[test]
fn months_and_years_have_the_words_that_people_use() {
    check(&[
        ("0 15 10 1 1 ?", "at 10:15 on the 1st of January"),
        (
            "0 15 10 1 1/3 ?",
            "at 10:15 on the 1st of January, April, July and October",
        ),
        (
            "0 15 10 31 6-8 ?",
            "at 10:15 on the 31st of the months June to August",
        ),
        ("0 15 10 * 1 ?", "at 10:15 every day in January"),
        ("0 0/15 * * 1 ?", "every 15 minutes in January"),
        (
            "0 15 10 ? 11-1 MON",
            "at 10:15 every Monday in January, November and December",
        ),
        (
            "0 15 10 1 1 ? 2027",
            "at 10:15 on the 1st of January in 2027",
        ),
        (
            "0 15 10 1 1 ? 2027,2029",
            "at 10:15 on the 1st of January in 2027 and 2029",
        ),
        (
            "0 15 10 * * ? 2027-2030",
            "at 10:15 every day in the years 2027 to 2030",
        ),
        (
            "0 15 10 * * ? 2027/2",
            "at 10:15 every day in every 2nd year from 2027 to 2099",
        ),
        ("0 0/15 * * * ? 2027", "every 15 minutes in 2027"),
    ]);
}

#[test]
fn different_schedules_never_have_the_same_words() {
    let mut random = Random(41);
    let mut told: HashMap<String, (String, String)> = HashMap::new();
    let mut twice = 0;
    for _ in 0..20_000 {
        let mut field = |low, high, usual: &str| match random.value(0, 3) {
            0 => random.field(low, high).0,
            1 => random.value(low, high).to_string(),
            _ => usual.to_owned(),
        };
        let mut fields = [
            field(0, 59, "0"),
            field(0, 59, "0"),
            field(0, 23, "*"),
            field(1, 31, "*"),
            field(1, 12, "*"),
            "?".to_owned(),
            "*".to_owned(),
        ];
        if random.value(0, 1) == 0 {
            let weekday = random.field(1, 7).0;
            let day = random.value(1, 7).to_string();
            let nth = random.value(1, 5);
            fields[3] = "?".to_owned();
            fields[5] = random
                .pick(&[&weekday, &format!("{day}L"), &format!("{day}#{nth}"), &day])
                .clone();
        } else if random.value(0, 3) == 0 {
            let count = random.value(0, 30);
            fields[3] = match random.value(0, 2) {
                0 => format!("L-{count}"),
                1 => format!("L-{count}W"),
                _ => format!("{}W", count + 1),
            };
        }
        if random.value(0, 3) == 0 {
            fields[6] = random
                .pick(&[
                    "2027",
                    "2027,2028",
                    "2027-2030",
                    "2027/3",
                    "2027/36",
                    "1970-2099",
                ])
                .to_owned();
        }
        let source = fields.join(" ");
        let expression = CronExpression::parse(&source).expect(&source);
        let sets = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            expression.seconds,
            expression.minutes,
            expression.hours,
            // All days can be written in two ways.
            (
                expression.days.of_month(2027, 5),
                expression.days.of_month(2027, 2),
                expression.days.of_month(2028, 9),
                expression.days.of_month(2030, 6)
            ),
            expression.months,
            expression.years,
        );
        for words in [expression.in_words(), expression.in_chinese()] {
            if let Some((other, others)) =
                told.insert(words.clone(), (source.clone(), sets.clone()))
            {
                assert_eq!(others, sets, "{source} and {other}: {words}");
                twice += usize::from(source != other);
            }
        }
    }
    assert!(twice > 200, "only {twice} schedules came in two ways");
}
