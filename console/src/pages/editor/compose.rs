//! The builder of cron expressions: what most schedules are, without knowing the language.

use leptos::prelude::*;

use super::inputs::use_draft;
use crate::i18n::use_i18n;

/// Days as cron names them, from Monday.
const DAYS: [&str; 7] = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"];

/// What the builder can say.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Plan {
    every: Every,
    hour: u32,
    minute: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Every {
    /// Every so many minutes.
    Minutes(u32),
    /// Every hour at the minute.
    Hour,
    /// Every day at the time.
    Day,
    /// On these days of the week, from Monday.
    Week(Vec<usize>),
    /// On this day of the month.
    MonthDay(u32),
    /// On the last day of the month.
    MonthEnd,
    /// On the first to fifth such day of the week in a month; 0 is the last.
    Nth(u32, usize),
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (hour, minute) = (self.hour, self.minute);
        match &self.every {
            Every::Minutes(1) => write!(f, "0 * * * * ?"),
            Every::Minutes(n) => write!(f, "0 0/{n} * * * ?"),
            Every::Hour => write!(f, "0 {minute} * * * ?"),
            Every::Day => write!(f, "0 {minute} {hour} * * ?"),
            Every::Week(days) => {
                let days: Vec<&str> = days.iter().map(|day| DAYS[*day]).collect();
                write!(f, "0 {minute} {hour} ? * {}", days.join(","))
            }
            Every::MonthDay(day) => write!(f, "0 {minute} {hour} {day} * ?"),
            Every::MonthEnd => write!(f, "0 {minute} {hour} L * ?"),
            Every::Nth(0, day) => write!(f, "0 {minute} {hour} ? * {}L", DAYS[*day]),
            Every::Nth(n, day) => write!(f, "0 {minute} {hour} ? * {}#{n}", DAYS[*day]),
        }
    }
}

/// Reads what the builder can say; `None` for everything else that the language can.
fn read(cron: &str) -> Option<Plan> {
    let parts: Vec<&str> = cron.split_whitespace().collect();
    let ["0", minute, hour, day, "*", weekday] = parts[..] else {
        return None;
    };
    let number = |text: &str, most: u32| text.parse().ok().filter(|n| *n <= most);
    let plan = |every, hour, minute| {
        Some(Plan {
            every,
            hour,
            minute,
        })
    };
    if (hour, day, weekday) == ("*", "*", "?") {
        if minute == "*" {
            return plan(Every::Minutes(1), 0, 0);
        }
        if let Some(n) = minute.strip_prefix("0/") {
            return plan(Every::Minutes(number(n, 59).filter(|n| *n > 0)?), 0, 0);
        }
        return plan(Every::Hour, 0, number(minute, 59)?);
    }
    let (minute, hour) = (number(minute, 59)?, number(hour, 23)?);
    let place = |name: &str| DAYS.iter().position(|day| day.eq_ignore_ascii_case(name));
    let every = match (day, weekday) {
        ("*", "?") => Every::Day,
        ("L", "?") => Every::MonthEnd,
        (day, "?") => Every::MonthDay(number(day, 31).filter(|day| *day > 0)?),
        ("?", days) => {
            if let Some((day, n)) = days.split_once('#') {
                Every::Nth(number(n, 5).filter(|n| *n > 0)?, place(day)?)
            } else if let Some(day) = days.strip_suffix('L') {
                Every::Nth(0, place(day)?)
            } else if let Some((first, last)) = days.split_once('-') {
                Every::Week((place(first)?..=place(last)?).collect())
            } else {
                let mut days = days.split(',').map(place).collect::<Option<Vec<_>>>()?;
                days.sort_unstable();
                days.dedup();
                Every::Week(days)
            }
        }
        _ => return None,
    };
    plan(every, hour, minute)
}

/// What the kinds are called in the page.
fn kind_of(every: &Every) -> &'static str {
    match every {
        Every::Minutes(_) => "minutes",
        Every::Hour => "hour",
        Every::Day => "day",
        Every::Week(_) => "week",
        Every::MonthDay(_) => "month-day",
        Every::MonthEnd => "month-end",
        Every::Nth(..) => "nth",
    }
}

fn of_kind(kind: &str) -> Option<Every> {
    Some(match kind {
        "minutes" => Every::Minutes(15),
        "hour" => Every::Hour,
        "day" => Every::Day,
        "week" => Every::Week((0..5).collect()),
        "month-day" => Every::MonthDay(1),
        "month-end" => Every::MonthEnd,
        "nth" => Every::Nth(1, 0),
        _ => return None,
    })
}

/// The builder. It shows what the expression says, and changes it.
#[component]
pub(super) fn Compose() -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let plan = Memo::new(move |_| draft.get(|spec| read(spec.cron.as_deref()?)));
    let write = move |plan: Plan| draft.set(|spec| spec.cron = Some(plan.to_string()));
    let kind =
        Memo::new(move |_| plan.with(|plan| plan.as_ref().map_or("", |plan| kind_of(&plan.every))));
    let choose = move |event| {
        let Some(every) = of_kind(&event_target_value(&event)) else {
            return;
        };
        let now = plan.get_untracked();
        let (hour, minute) = now
            .filter(|now| !matches!(now.every, Every::Minutes(_)))
            .map_or((3, 0), |now| (now.hour, now.minute));
        write(Plan {
            every,
            hour,
            minute,
        });
    };
    let kinds = move || {
        let t = &i18n.texts().editor;
        let option = |value: &'static str, name: &'static str| {
            view! { <option value=value prop:selected=move || kind.get() == value>{name}</option> }
        };
        view! {
            // Stands there only while the expression says what the builder cannot.
            {kind.get().is_empty().then(|| option("", t.build_other))}
            {option("minutes", t.build_minutes)}
            {option("hour", t.build_hour)}
            {option("day", t.build_day)}
            {option("week", t.build_week)}
            {option("month-day", t.build_month_day)}
            {option("month-end", t.build_month_end)}
            {option("nth", t.build_nth)}
        }
    };
    let parts = move || {
        match kind.get() {
        "minutes" => view! { <Minutes plan write=Callback::new(write) /> }.into_any(),
        "hour" => view! { <Minute plan write=Callback::new(write) /> }.into_any(),
        "week" => view! { <Weekdays plan write=Callback::new(write) /> <Time plan write=Callback::new(write) /> }.into_any(),
        "month-day" => view! { <MonthDay plan write=Callback::new(write) /> <Time plan write=Callback::new(write) /> }.into_any(),
        "nth" => view! { <Nth plan write=Callback::new(write) /> <Time plan write=Callback::new(write) /> }.into_any(),
        "day" | "month-end" => view! { <Time plan write=Callback::new(write) /> }.into_any(),
        _ => ().into_any(),
    }
    };
    view! {
        <div class="field field-wide">
            <label for="build">{i18n.text(|t| t.editor.build)}</label>
            <div class="buttons build">
                <select id="build" on:change=choose>{kinds}</select>
                {parts}
            </div>
        </div>
    }
}

/// A number of the plan, between bounds.
#[component]
fn Number(
    id: &'static str,
    label: crate::i18n::Label,
    min: u32,
    max: u32,
    plan: Memo<Option<Plan>>,
    get: fn(&Plan) -> u32,
    set: fn(&mut Plan, u32),
    write: Callback<Plan>,
) -> impl IntoView {
    let i18n = use_i18n();
    let value = move || {
        plan.with(|plan| plan.as_ref().map(get))
            .unwrap_or(min)
            .to_string()
    };
    let typed = move |event| {
        let number = event_target_value(&event).trim().parse::<u32>().ok();
        if let (Some(mut now), Some(number)) = (plan.get_untracked(), number) {
            set(&mut now, number.clamp(min, max));
            write.run(now);
        }
    };
    view! {
        <label for=id>{i18n.text(label)}</label>
        <input id=id type="number" min=min max=max step="1" prop:value=value on:change=typed />
    }
}

#[component]
fn Minutes(plan: Memo<Option<Plan>>, write: Callback<Plan>) -> impl IntoView {
    view! {
        <Number
            id="build-minutes" label=|t| t.editor.build_every min=1 max=59 plan write
            get=|plan| match plan.every { Every::Minutes(n) => n, _ => 1 }
            set=|plan, n| plan.every = Every::Minutes(n)
        />
    }
}

#[component]
fn Minute(plan: Memo<Option<Plan>>, write: Callback<Plan>) -> impl IntoView {
    view! {
        <Number
            id="build-minute" label=|t| t.editor.build_minute min=0 max=59 plan write
            get=|plan| plan.minute
            set=|plan, n| plan.minute = n
        />
    }
}

#[component]
fn MonthDay(plan: Memo<Option<Plan>>, write: Callback<Plan>) -> impl IntoView {
    view! {
        <Number
            id="build-day" label=|t| t.editor.build_on_day min=1 max=31 plan write
            get=|plan| match plan.every { Every::MonthDay(day) => day, _ => 1 }
            set=|plan, day| plan.every = Every::MonthDay(day)
        />
    }
}

#[component]
fn Time(plan: Memo<Option<Plan>>, write: Callback<Plan>) -> impl IntoView {
    let i18n = use_i18n();
    let value = move || {
        plan.with(|plan| {
            plan.as_ref()
                .map(|plan| format!("{:02}:{:02}", plan.hour, plan.minute))
        })
        .unwrap_or_default()
    };
    let typed = move |event| {
        let text = event_target_value(&event);
        let time = text
            .split_once(':')
            .and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.get(..2)?.parse().ok()?)));
        if let (Some(mut now), Some((hour, minute))) = (plan.get_untracked(), time) {
            (now.hour, now.minute) = (hour, minute);
            write.run(now);
        }
    };
    view! {
        <label for="build-time">{i18n.text(|t| t.editor.build_at)}</label>
        <input id="build-time" type="time" prop:value=value on:change=typed />
    }
}

#[component]
fn Weekdays(plan: Memo<Option<Plan>>, write: Callback<Plan>) -> impl IntoView {
    let i18n = use_i18n();
    let has = move |day: usize| {
        plan.with(|plan| matches!(plan, Some(Plan { every: Every::Week(days), .. }) if days.contains(&day)))
    };
    let turn = move |day: usize| {
        let Some(mut now) = plan.get_untracked() else {
            return;
        };
        if let Every::Week(days) = &mut now.every {
            if !days.contains(&day) {
                days.push(day);
                days.sort_unstable();
            } else if days.len() > 1 {
                // On no day it would never fire.
                days.retain(|known| *known != day);
            }
        }
        write.run(now);
    };
    let button = move |day: usize| {
        view! {
            <button
                type="button"
                class="button small"
                data-day=DAYS[day]
                aria-pressed=move || has(day).to_string()
                on:click=move |_| turn(day)
            >
                {move || i18n.texts().editor.weekdays[day]}
            </button>
        }
    };
    view! { <span class="buttons" role="group" aria-label=i18n.text(|t| t.editor.build_week)>{(0..7).map(button).collect_view()}</span> }
}

#[component]
fn Nth(plan: Memo<Option<Plan>>, write: Callback<Plan>) -> impl IntoView {
    let i18n = use_i18n();
    let now = move || match plan.get().map(|plan| plan.every) {
        Some(Every::Nth(n, day)) => (n, day),
        _ => (1, 0),
    };
    let change = move |which: u32, day: usize| {
        if let Some(mut plan) = plan.get_untracked() {
            plan.every = Every::Nth(which, day);
            write.run(plan);
        }
    };
    let which = move |event| {
        let n = event_target_value(&event).parse().unwrap_or(1);
        change(n, untrack(now).1);
    };
    let on_day = move |event| {
        let day = event_target_value(&event).parse().unwrap_or(0);
        change(untrack(now).0, day);
    };
    let ordinals = move || {
        let names = i18n.texts().editor.ordinals;
        names
            .iter()
            .enumerate()
            .map(|(n, name)| {
                view! { <option value=n.to_string() prop:selected=move || now().0 as usize == n>{*name}</option> }
            })
            .collect_view()
    };
    let days = move || {
        let names = i18n.texts().editor.weekdays;
        names
            .iter()
            .enumerate()
            .map(|(day, name)| {
                view! { <option value=day.to_string() prop:selected=move || now().1 == day>{*name}</option> }
            })
            .collect_view()
    };
    view! {
        <select id="build-nth" aria-label=i18n.text(|t| t.editor.build_nth) on:change=which>{ordinals}</select>
        <select id="build-weekday" aria-label=i18n.text(|t| t.editor.build_week) on:change=on_day>{days}</select>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for every in [
            Every::Minutes(1),
            Every::Minutes(15),
            Every::Hour,
            Every::Day,
            Every::Week(vec![0, 2, 6]),
            Every::MonthDay(31),
            Every::MonthEnd,
            Every::Nth(2, 4),
            Every::Nth(0, 4),
        ] {
            let has_time = !matches!(every, Every::Minutes(_) | Every::Hour);
            let plan = Plan {
                minute: if matches!(every, Every::Minutes(_)) {
                    0
                } else {
                    30
                },
                hour: if has_time { 4 } else { 0 },
                every,
            };
            assert_eq!(read(&plan.to_string()), Some(plan));
        }
        assert_eq!(
            read("0 0 8 ? * MON-FRI").unwrap().every,
            Every::Week(vec![0, 1, 2, 3, 4])
        );
    }

    #[test]
    fn what_it_cannot_say_is_left_alone() {
        for cron in [
            "0 H * * * ?",
            "30 0 3 * * ?",
            "0 0 3 * JAN ?",
            "0 0 3 * * ? 2030",
            "0 0 3 LW * ?",
            "0 0/0 * * * ?",
            "0 0 24 * * ?",
            "0 0 3 0 * ?",
            "x",
        ] {
            assert_eq!(read(cron), None, "{cron}");
        }
    }
}
