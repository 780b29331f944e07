//! `H` in all its forms, for many seeds.

use std::collections::HashSet;

use super::super::CronExpression;
use super::resolve_hashes;
use crate::domain::chance::seed;

fn resolved(source: &str, seed: u64) -> String {
    resolve_hashes(source, seed).unwrap_or_else(|error| panic!("{source}: {error}"))
}

/// All values that come in place of one field, over many seeds; each expression is valid.
fn values(source: &str, field: usize) -> HashSet<String> {
    let found = (0..3000).map(|job| {
        let text = resolved(source, seed("shop", &format!("job-{job}")));
        CronExpression::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        text.split(' ').nth(field).unwrap().to_owned()
    });
    found.collect()
}

fn numbers(range: std::ops::RangeInclusive<u32>) -> HashSet<String> {
    range.map(|number| number.to_string()).collect()
}

#[test]
fn a_plain_h_becomes_each_value_of_its_field_and_no_other() {
    assert_eq!(values("H 0 0 * * ?", 0), numbers(0..=59));
    assert_eq!(values("0 H 0 * * ?", 1), numbers(0..=59));
    assert_eq!(values("0 0 h * * ?", 2), numbers(0..=23));
    // Every month has them.
    assert_eq!(values("0 0 0 H * ?", 3), numbers(1..=28));
    assert_eq!(values("0 0 0 1 H ?", 4), numbers(1..=12));
    assert_eq!(values("0 0 0 ? * H 2030", 5), numbers(1..=7));
}

#[test]
fn ranges_and_steps_choose_within_their_bounds() {
    assert_eq!(values("0 H(20-29) 0 * * ?", 1), numbers(20..=29));
    assert_eq!(values("0 0 0 ? * H(MON-FRI)", 5), numbers(2..=6));
    assert_eq!(values("0 0 0 H(1-31) * ?", 3), numbers(1..=31));
    let with_step = |range: std::ops::RangeInclusive<u32>, rest: &str| {
        let starts = numbers(range).into_iter();
        starts
            .map(|start| format!("{start}{rest}"))
            .collect::<HashSet<_>>()
    };
    assert_eq!(values("0 H/15 * * * ?", 1), with_step(0..=14, "-59/15"));
    assert_eq!(values("0 0 H/23 * * ?", 2), with_step(0..=22, "-23/23"));
    assert_eq!(values("0 0 0 H/31 * ?", 3), with_step(1..=28, "-28/31"));
    assert_eq!(values("0 0 0 ? * H/7", 5), with_step(1..=7, "-7/7"));
    assert_eq!(
        values("0 H(10-19)/4 * * * ?", 1),
        with_step(10..=13, "-19/4")
    );
    assert_eq!(
        values("0 H(10-11)/30 * * * ?", 1),
        with_step(10..=11, "-11/30")
    );
}

#[test]
fn h_is_a_whole_item_and_all_else_stays_as_it_is() {
    for source in [
        "0  0 9 ? MAR THU",
        "0 0 9 ? MARCH 5",
        "0 0 9 ? * HH",
        "0 0 9 H3 * ?",
        "0 0 9 ? * H#2",
        "",
        "nonsense",
    ] {
        assert_eq!(resolved(source, 7), source);
    }
    let text = resolved("0  5,H(30-39) 9 ? JAN,MAR THU", 7);
    let minute = text.split([' ', ',']).nth(2).unwrap();
    assert_eq!(text, format!("0 5,{minute} 9 ? JAN,MAR THU"));
}

#[test]
fn fields_choose_by_themselves_and_a_job_always_the_same() {
    let differ = (0..100).filter(|job| {
        let text = resolved("H H 0 * * ?", *job);
        let mut fields = text.split(' ');
        fields.next() != fields.next()
    });
    assert!(differ.count() > 90);
    // As the first release chose, and as another program does.
    assert_eq!(
        resolved("H H H H H ?", seed("shop", "settle")),
        "51 10 21 11 1 ?"
    );
}

#[test]
fn faults_name_the_field_and_the_remedy() {
    for (source, message) in [
        (
            "0 0 0 * * ? H",
            "year: H has no meaning for years: write numbers, or leave the year out",
        ),
        ("0 H(60-70) 0 * * ?", "minutes: 60 is out of range 0-59"),
        (
            "0 H(9-5) 0 * * ?",
            "minutes: H(9-5) ends before it starts: write the lower value first",
        ),
        (
            "0 H() 0 * * ?",
            "minutes: H() has no range in its brackets: write one as in H(0-29)",
        ),
        (
            "0 H(5) 0 * * ?",
            "minutes: H(5) has no range in its brackets: write one as in H(0-29)",
        ),
        ("0 H/0 0 * * ?", "minutes: step 0 is out of range 1-59"),
        ("0 H/x 0 * * ?", "minutes: step x is not a number 1-59"),
        (
            "H H * * *",
            "5 fields look like a Unix expression: put a seconds field in front and `?` in the day \
             field that is not used, for example `0 30 9 * * ?` for 9:30 every day",
        ),
        (
            "H *",
            "expected 6 or 7 fields in the order \
             `seconds minutes hours day-of-month month day-of-week [year]`, found 2",
        ),
    ] {
        assert_eq!(
            resolve_hashes(source, 7).unwrap_err().to_string(),
            message,
            "{source}"
        );
    }
}
