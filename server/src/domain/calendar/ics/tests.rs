//! Texts as calendar programs write them, and those that cannot be kept.

use super::*;

fn calendar(events: &[&str]) -> String {
    let event = |event: &&str| {
        let lines = event.replace('\n', "\r\n");
        format!("BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\n")
    };
    let text = events.iter().map(event).collect::<Vec<_>>().concat();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//tests//EN\r\n{text}END:VCALENDAR\r\n")
}

fn until() -> NaiveDate {
    NaiveDate::from_ymd_opt(2028, 12, 31).unwrap()
}

fn events(events: &[&str]) -> Events {
    read(&calendar(events), Tz::Europe__Berlin, until()).unwrap()
}

fn error(event: &str) -> String {
    let error = read(&calendar(&[event]), Tz::Europe__Berlin, until()).unwrap_err();
    assert_eq!(error.field, "ics");
    error.message
}

fn dates(events: &Events) -> Vec<String> {
    let one = |day: &CalendarDate| {
        let yearly = if day.yearly { " yearly" } else { "" };
        format!("{} {}{yearly}", day.date, day.label)
    };
    events.dates.iter().map(one).collect()
}

fn spans(events: &Events) -> Vec<String> {
    let format = |at: DateTime<Utc>| at.format("%m-%dT%H:%M").to_string();
    let one = |span: &Span| {
        format!(
            "{} {} {}",
            format(span.from),
            format(span.until),
            span.label
        )
    };
    events.spans.iter().map(one).collect()
}

#[test]
fn whole_days_become_dates() {
    let found = events(&[
        "UID:1\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nSUMMARY:Christmas\\, both\n days",
        "UID:2\nDTSTART;VALUE=DATE:20261003\nSUMMARY:Unity",
        "UID:3\nDTSTART;VALUE=DATE:20261031\nDURATION:P1D\nSUMMARY:Reformation",
        "UID:4\nDTSTART;VALUE=DATE:20261111\nSTATUS:CANCELLED\nSUMMARY:Carnival",
    ]);
    let christmas = "Christmas, bothdays";
    assert_eq!(
        dates(&found),
        [
            format!("2026-12-25 {christmas}"),
            format!("2026-12-26 {christmas}"),
            "2026-10-03 Unity".to_owned(),
            "2026-10-31 Reformation".to_owned(),
        ]
    );
    assert!(found.spans.is_empty());
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let event = "UID:1\nDTSTART;VALUE=DATE:20261003\nSUMMARY:Unity";
    let text = format!("\u{feff}{}", calendar(&[event]));
    assert_eq!(read(&text, Tz::UTC, until()).unwrap(), events(&[event]));
}

#[test]
fn the_same_day_of_every_year_is_one_date_and_others_are_written_out() {
    let found = events(&[
        "UID:1\nDTSTART;VALUE=DATE:20200101\nRRULE:FREQ=YEARLY\nSUMMARY:New Year",
        "UID:2\nDTSTART;VALUE=DATE:20200501\nRRULE:FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=1\nSUMMARY:May",
        "UID:3\nDTSTART;VALUE=DATE:20261126\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\nSUMMARY:Thanks",
        "UID:4\nDTSTART;VALUE=DATE:20270701\nRRULE:FREQ=YEARLY;UNTIL=20280701\nSUMMARY:Twice",
        "UID:5\nDTSTART;VALUE=DATE:20270108\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;VALUE=DATE:20270115\nSUMMARY:Fridays",
    ]);
    assert_eq!(
        dates(&found),
        [
            "2020-01-01 New Year yearly",
            "2020-05-01 May yearly",
            "2026-11-26 Thanks",
            "2027-11-25 Thanks",
            "2028-11-23 Thanks",
            "2027-07-01 Twice",
            "2028-07-01 Twice",
            "2027-01-08 Fridays",
            "2027-01-22 Fridays",
        ]
    );
}

#[test]
fn what_began_before_all_calendars_goes_on_in_them_and_what_is_over_is_named() {
    let found = events(&[
        "UID:1\nDTSTART;VALUE=DATE:16040229\nRRULE:FREQ=YEARLY\nSUMMARY:Leap",
        "UID:2\nDTSTART;VALUE=DATE:16010101\nRRULE:FREQ=YEARLY\nSUMMARY:New Year",
        "UID:3\nDTSTART;VALUE=DATE:19651125\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;UNTIL=19721231\nSUMMARY:Thanks",
        "UID:4\nDTSTART:19691230T230000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nSUMMARY:night",
    ]);
    assert_eq!(
        dates(&found),
        [
            "1972-02-29 Leap yearly",
            "1972-01-01 New Year yearly",
            "1970-11-26 Thanks",
            "1971-11-25 Thanks",
            "1972-11-23 Thanks",
        ]
    );
    assert_eq!(spans(&found), ["01-01T23:00 01-02T00:00 night"]);
    let over = calendar(&["UID:1\nDTSTART;VALUE=DATE:16010101\nSUMMARY:Epoch"]);
    let error = read(&over, Tz::UTC, until()).unwrap_err();
    assert!(
        error.message.contains("`Epoch`") && error.message.contains("1601"),
        "{error}"
    );
}

#[test]
fn times_become_spans_in_their_zone() {
    let found = events(&[
        "UID:1\nDTSTART:20260309T080000Z\nDTEND:20260309T100000Z\nSUMMARY:utc",
        "UID:2\nDTSTART;TZID=America/New_York:20260309T080000\nDURATION:PT1H30M\nSUMMARY:named",
        "UID:3\nDTSTART:20260309T080000\nDTEND:20260309T090000\nSUMMARY:floating",
        // 02:30 does not exist on the second day: by the clock before it is 01:30 UTC.
        "UID:4\nDTSTART;TZID=Europe/Berlin:20260322T023000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2\nSUMMARY:gap",
        "UID:5\nDTSTART;TZID=Europe/Berlin:20260329T023000\nDURATION:PT1H\nSUMMARY:once",
    ]);
    assert_eq!(
        spans(&found),
        [
            "03-09T08:00 03-09T10:00 utc",
            "03-09T12:00 03-09T13:30 named",
            "03-09T07:00 03-09T08:00 floating",
            "03-22T01:30 03-22T02:30 gap",
            "03-29T01:30 03-29T02:30 gap",
            "03-29T01:30 03-29T02:30 once",
        ]
    );
}

#[test]
fn an_occurrence_that_was_moved_is_kept_where_it_went() {
    let found = events(&[
        "UID:1\nDTSTART:20260302T200000Z\nDTEND:20260302T210000Z\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:release",
        "UID:1\nRECURRENCE-ID:20260309T200000Z\nDTSTART:20260310T200000Z\nDTEND:20260310T210000Z\nSUMMARY:later",
    ]);
    assert_eq!(
        spans(&found),
        [
            "03-02T20:00 03-02T21:00 release",
            "03-16T20:00 03-16T21:00 release",
            "03-10T20:00 03-10T21:00 later",
        ]
    );
}

#[test]
fn what_cannot_be_kept_is_named() {
    for (event, why) in [
        ("SUMMARY:a\nUID:1", "event `a`: has no DTSTART"),
        ("SUMMARY:b\nDTSTART:tomorrow", "`tomorrow` is no date"),
        ("SUMMARY:c\nDTSTART:20260309T080000Z", "has no length"),
        (
            "SUMMARY:d\nDTSTART;TZID=W. Europe Standard Time:20260309T080000\nDURATION:PT1H",
            "is no IANA zone",
        ),
        (
            "SUMMARY:e\nDTSTART;VALUE=DATE:20260309\nRRULE:FREQ=OFTEN",
            "RRULE `FREQ=OFTEN` is not understood",
        ),
        (
            "SUMMARY:f\nDTSTART:20260309T080000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY",
            "more often than daily",
        ),
        (
            "SUMMARY:g\nDTSTART;VALUE=DATE:20260309\nDTEND;VALUE=DATE:20300309",
            "lasts 1461 days",
        ),
        (
            "SUMMARY:h\nDTSTART:20260309T080000Z\nDURATION:P1X",
            "DURATION `P1X` is not understood",
        ),
        (
            "SUMMARY:i\nDTSTART;VALUE=DATE:20260309\nDTEND:20260310T000000Z",
            "begins with a day",
        ),
        (
            "SUMMARY:j\nDTSTART;VALUE=DATE:20260310\nDTEND;VALUE=DATE:20260309",
            "lasts -1 days",
        ),
    ] {
        let message = error(event);
        assert!(message.contains(why), "{message} should say {why}");
    }
    for text in [
        "",
        "hello",
        "BEGIN:VCALENDAR",
        "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
    ] {
        let error = read(text, Tz::UTC, until()).unwrap_err();
        let is_cut = text == "BEGIN:VCALENDAR";
        assert_eq!(
            is_cut,
            error.message.contains("1 lines BEGIN and 0 lines END")
        );
        assert!(
            error.message.contains("is no iCalendar") || error.message.contains("no events"),
            "{error}"
        );
    }
}

#[test]
fn a_rule_without_end_is_written_out_until_the_day_asked_for() {
    let event = "UID:1\nDTSTART;VALUE=DATE:20260309\nRRULE:FREQ=DAILY\nSUMMARY:always";
    let day = NaiveDate::from_ymd_opt(2026, 3, 11).unwrap();
    let found = read(&calendar(&[event]), Tz::UTC, day).unwrap();
    assert_eq!(found.dates.len(), 3);
    let error = read(
        &calendar(&[event]),
        Tz::UTC,
        NaiveDate::from_ymd_opt(2090, 1, 1).unwrap(),
    );
    assert!(
        error
            .unwrap_err()
            .message
            .contains("more than 10,000 entries")
    );
}

#[test]
fn components_that_lie_too_deep_are_refused_before_they_are_read() {
    for begin in [
        "BEGIN:A\r\n",
        "begin:a\n",
        " BEGIN:A\r\n\r\n",
        "BEGIN\r\n :A\r\n",
        "BEGIN:A\r",
    ] {
        let error = read(&begin.repeat(100_000), Tz::UTC, until()).unwrap_err();
        assert!(error.message.len() < 500, "{begin:?}: {error}");
    }
}

#[test]
fn cancelled_and_moved_occurrences_are_followed_however_they_are_named() {
    let weekly = "UID:1\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:Off";
    let cancelled = "UID:1\nRECURRENCE-ID;VALUE=DATE:20260112\nDTSTART;VALUE=DATE:20260112\nSTATUS:CANCELLED\nSUMMARY:Off";
    for both in [[weekly, cancelled], [cancelled, weekly]] {
        assert_eq!(dates(&events(&both)), ["2026-01-05 Off", "2026-01-19 Off"]);
    }
    // A year in which it is not.
    let yearly = "UID:2\nDTSTART;VALUE=DATE:20260301\nRRULE:FREQ=YEARLY\nSUMMARY:Fair";
    let not_then =
        "UID:2\nRECURRENCE-ID;VALUE=DATE:20270301\nDTSTART;VALUE=DATE:20270301\nSTATUS:CANCELLED";
    assert_eq!(
        dates(&events(&[yearly, not_then])),
        ["2026-03-01 Fair", "2028-03-01 Fair"]
    );
    // The same moment in another zone, and an occurrence at a time that is named by its day.
    let timed = "UID:3\nDTSTART;TZID=Europe/Berlin:20260105T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:Down";
    let moved = "UID:3\nRECURRENCE-ID:20260112T090000Z\nDTSTART;TZID=Europe/Berlin:20260113T100000\nDURATION:PT1H\nSUMMARY:Down";
    let gone = "UID:3\nRECURRENCE-ID;VALUE=DATE:20260119\nDTSTART;TZID=Europe/Berlin:20260119T100000\nSTATUS:CANCELLED";
    assert_eq!(
        spans(&events(&[timed, moved, gone])),
        [
            "01-05T09:00 01-05T10:00 Down",
            "01-13T09:00 01-13T10:00 Down"
        ]
    );
}

#[test]
fn what_is_not_followed_is_refused_by_name() {
    let rule = |rule: &str| {
        format!("UID:1\nDTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY\n{rule}\nSUMMARY:Off")
    };
    let message = error(&rule("EXRULE:FREQ=MONTHLY"));
    assert!(
        message.contains("`Off`") && message.contains("EXRULE"),
        "{message}"
    );
    let message = error(&rule("").replace("FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=0"));
    assert!(message.contains("INTERVAL is 0"), "{message}");
    let message = error(
        "UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260112T090000Z\nDTSTART:20260113T090000Z\nDURATION:PT1H\nSUMMARY:Off",
    );
    assert!(message.contains("RANGE"), "{message}");
}

#[test]
fn an_event_that_begins_where_the_clocks_go_forward_has_its_length() {
    let found = events(&["UID:1\nDTSTART:20260329T023000\nDTEND:20260329T033000\nSUMMARY:Spring"]);
    assert_eq!(spans(&found), ["03-29T01:30 03-29T02:30 Spring"]);
}
