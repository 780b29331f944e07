//! An expression in Chinese: first the days, then the times, as one says it. As in English, different schedules never
//! have the same words.

use super::{Shape, values};
use crate::domain::cron::CronExpression;
use crate::domain::cron::days::Days;
use crate::domain::cron::set::{FIRST_YEAR, LAST_YEAR};

/// From 1 = Sunday, as Quartz counts.
const WEEKDAYS: [&str; 7] = ["周日", "周一", "周二", "周三", "周四", "周五", "周六"];
const NTH: [&str; 5] = ["第一个", "第二个", "第三个", "第四个", "第五个"];
/// What Quartz calls a weekday.
const WEEKDAY: &str = "工作日（周一至周五）";

fn weekday(day: u32) -> &'static str {
    WEEKDAYS[day as usize - 1]
}

/// As in `第0、7、9分`.
fn numbers(shape: &Shape, unit: &str) -> String {
    match shape {
        Shape::All => format!("每{unit}"),
        Shape::One(value) => format!("第{value}{unit}"),
        Shape::Range(first, last) => format!("第{first}至{last}{unit}"),
        Shape::Every { first, last, step } => format!("第{first}至{last}{unit}中每隔{step}{unit}"),
        Shape::List(values) => {
            let values: Vec<String> = values.iter().map(u32::to_string).collect();
            format!("第{}{unit}", values.join("、"))
        }
    }
}

/// As in `1月、3月` or `6月至8月`.
fn names(shape: &Shape, name: impl Fn(u32) -> String) -> String {
    match shape {
        Shape::All => String::new(),
        Shape::One(value) => name(*value),
        Shape::Range(first, last) => format!("{}至{}", name(*first), name(*last)),
        Shape::Every { first, last, step } => {
            let all = (*first..=*last).step_by(*step as usize).map(name);
            all.collect::<Vec<_>>().join("、")
        }
        Shape::List(values) => values
            .iter()
            .copied()
            .map(name)
            .collect::<Vec<_>>()
            .join("、"),
    }
}

/// `每分钟`, `每5分钟`.
fn every(step: u32, unit: &str) -> String {
    match step {
        1 => format!("每{unit}"),
        step => format!("每{step}{unit}"),
    }
}

impl CronExpression {
    /// When it fires, in Chinese, such as `每月最后一个周五 10:15`.
    pub fn in_chinese(&self) -> String {
        let (time, is_all_day) = self.time_in_chinese();
        let months = Shape::of(values(self.months), 1, 12);
        let days = self.days_in_chinese(&months, is_all_day);
        let years = self.years.from(FIRST_YEAR).map(i32::unsigned_abs).collect();
        let years = match Shape::of(years, FIRST_YEAR.unsigned_abs(), LAST_YEAR.unsigned_abs()) {
            Shape::All => String::new(),
            Shape::Every { first, last, step } => format!("{first}年至{last}年中每{step}年，"),
            years => format!("{}，", names(&years, |year| format!("{year}年"))),
        };
        let parts = [days, time];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        format!("{years}{}", parts.join(" "))
    }

    fn time_in_chinese(&self) -> (String, bool) {
        let seconds = Shape::of(values(self.seconds), 0, 59);
        let minutes = Shape::of(values(self.minutes), 0, 59);
        let hours = Shape::of(values(self.hours), 0, 23);
        if hours == Shape::All {
            return (every_hour(&seconds, &minutes), true);
        }
        let on_the_hour = seconds == Shape::One(0) && minutes == Shape::One(0);
        if let (true, Some(step)) = (on_the_hour, hours.round(24)) {
            return (every(step, "小时"), true);
        }
        let few = self.few_times().map(|times| times.join("、"));
        let words = few.or_else(|| {
            let span = self.span(&seconds, &minutes)?;
            let every = every(span.step, span.unit.chinese());
            Some(format!("{} 至 {} {every}", span.from, span.to))
        });
        let words = words.unwrap_or_else(|| {
            let (hours, minutes) = (numbers(&hours, "时"), numbers(&minutes, "分"));
            if seconds == Shape::One(0) {
                format!("{hours}的{minutes}")
            } else {
                format!("{hours}的{minutes}的{}", numbers(&seconds, "秒"))
            }
        });
        (words, false)
    }

    fn days_in_chinese(&self, months: &Shape, is_all_day: bool) -> String {
        let of = match months {
            Shape::All => "每月".to_owned(),
            months => format!("{}的", names(months, |month| format!("{month}月"))),
        };
        let if_any = |day: String| match months {
            Shape::All => format!("{of}{day}（有该日的月份）"),
            _ => format!("{of}{day}"),
        };
        let every_day = || match (months, is_all_day) {
            (Shape::All, true) => String::new(),
            (Shape::All, false) => "每天".to_owned(),
            _ => format!("{of}每天"),
        };
        let last = |days_before: u32| match days_before {
            0 => "最后一天".to_owned(),
            days => format!("最后一天的前{days}天"),
        };
        match self.days {
            Days::Dates(dates) => match Shape::of(values(dates), 1, 31) {
                Shape::All => every_day(),
                Shape::One(date) if date > 28 => if_any(format!("{date}日")),
                Shape::Every { first, last, step } => {
                    format!("{of}{first}日至{last}日中每隔{step}日")
                }
                dates => format!("{of}{}", names(&dates, |date| format!("{date}日"))),
            },
            Days::Last { days_before } => format!("{of}{}", last(days_before)),
            Days::WeekdayNearestLast { days_before: 0 } => format!("{of}最后一个{WEEKDAY}"),
            Days::WeekdayNearestLast { days_before } => {
                format!("{of}离{}最近的{WEEKDAY}", last(days_before))
            }
            Days::WeekdayNearest { date } => format!("{of}离{date}日最近的{WEEKDAY}"),
            Days::Weekdays(weeks) => {
                let days: Vec<u32> = (1..=7).filter(|day| weeks >> (day % 7) & 1 == 1).collect();
                let name = |day: u32| weekday(day % 7 + 1).to_owned();
                let days = match Shape::of(days, 1, 7) {
                    Shape::All => return every_day(),
                    days => format!("每{}", names(&days, name)),
                };
                match months {
                    Shape::All => days,
                    _ => format!("{of}{days}"),
                }
            }
            Days::LastWeekday { weekday: day } => format!("{of}最后一个{}", weekday(day)),
            Days::NthWeekday { weekday: day, nth } => {
                let words = format!("{}{}", NTH[nth as usize - 1], weekday(day));
                if nth == 5 {
                    if_any(words)
                } else {
                    format!("{of}{words}")
                }
            }
        }
    }
}

fn every_hour(seconds: &Shape, minutes: &Shape) -> String {
    match (seconds, minutes) {
        (Shape::One(0), Shape::One(0)) => "每小时".to_owned(),
        (Shape::One(0), minutes) => match minutes.round(60) {
            Some(step) => every(step, "分钟"),
            None => format!("每小时的{}", numbers(minutes, "分")),
        },
        (seconds, Shape::All) => match seconds.round(60) {
            Some(step) => every(step, "秒"),
            None => format!("每分钟的{}", numbers(seconds, "秒")),
        },
        (seconds, minutes) => {
            format!(
                "每小时的{}的{}",
                numbers(minutes, "分"),
                numbers(seconds, "秒")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_in_chinese() {
        for (source, words) in [
            ("0 15 10 ? * 6L", "每月最后一个周五 10:15"),
            ("0 0 3 * * ?", "每天 03:00"),
            ("0 * * * * ?", "每分钟"),
            ("0 0/5 * * * ?", "每5分钟"),
            ("0/10 * * * * ?", "每10秒"),
            ("0 0 8 ? * MON-FRI", "每周一至周五 08:00"),
            ("0 0 8 ? * MON,WED", "每周一、周三 08:00"),
            ("0 0/15 9-17 * * ?", "每天 09:00 至 17:45 每15分钟"),
            ("0 15 10 1,15 * ?", "每月1日、15日 10:15"),
            ("0 15 10 31 * ?", "每月31日（有该日的月份） 10:15"),
            ("0 15 10 L-3 * ?", "每月最后一天的前3天 10:15"),
            ("0 15 10 LW * ?", "每月最后一个工作日（周一至周五） 10:15"),
            (
                "0 15 10 15W 1 ?",
                "1月的离15日最近的工作日（周一至周五） 10:15",
            ),
            ("0 15 10 ? 6-8 2#1", "6月至8月的第一个周一 10:15"),
            ("0 7,9 * * * ?", "每小时的第7、9分"),
            ("0 15 10 * * ? 2027-2030", "2027年至2030年，每天 10:15"),
        ] {
            let expression = CronExpression::parse(source).expect(source);
            assert_eq!(expression.in_chinese(), words, "{source}");
        }
    }
}
