//! A schedule in Chinese.

use antares_protocol::job::JobSpec;
use antares_protocol::policy::Join;
use antares_protocol::schedule::{DstFold, DstGap};

use super::{FEW_INSTANTS, Timing, resolve_hashes};
use crate::domain::cron::CronExpression;
use crate::domain::words::instant;

/// As [`describe`](super::describe), in Chinese.
pub fn describe_in_chinese(spec: &JobSpec) -> String {
    let timing = Timing::of(spec, 0);
    let times = if let Some(cron) = &spec.cron {
        let zone = if spec.time_zone.eq_ignore_ascii_case("UTC") {
            String::new()
        } else {
            format!("（{}）", spec.time_zone)
        };
        format!("{}{zone}{}", cron_in_chinese(cron), changes(spec))
    } else if let Some(rate_ms) = spec.fixed_rate_ms {
        format!("每{}", length(rate_ms))
    } else if let Some(delay_ms) = spec.fixed_delay_ms {
        format!("上次运行结束后{}", length(delay_ms))
    } else {
        match &timing.at[..] {
            [] => return without_times(spec).to_owned(),
            [at] => format!("一次，于 {}", instant(*at)),
            few if few.len() <= FEW_INSTANTS => {
                let few: Vec<String> = few.iter().copied().map(instant).collect();
                format!("于 {}", few.join("、"))
            }
            [first, .., last] => format!(
                "{} 至 {} 之间的 {} 个时刻",
                instant(*first),
                instant(*last),
                timing.at.len()
            ),
        }
    };
    times + &bounds(&timing) + &calendars(&timing)
}

fn without_times(spec: &JobSpec) -> &'static str {
    match (spec.depends_on.len(), spec.join) {
        (0, _) => "仅按需触发",
        (1, _) => "所跟随的任务结束后",
        (_, Join::All) => "所跟随的任务全部结束后",
        (_, Join::Any) => "所跟随的任务之一结束后",
    }
}

fn cron_in_chinese(cron: &str) -> String {
    match resolve_hashes(cron, 0) {
        Ok(resolved) if resolved == cron => match CronExpression::parse(cron) {
            Ok(expression) => expression.in_chinese(),
            Err(_) => format!("按 `{cron}`，它不是 cron 表达式"),
        },
        Ok(_) => format!("按 `{cron}`，其中 H 的值由任务名决定"),
        Err(_) => format!("按 `{cron}`，它不是 cron 表达式"),
    }
}

/// A length of time, exactly.
fn length(ms: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000, "天"),
        (3_600_000, "小时"),
        (60_000, "分钟"),
        (1000, "秒"),
        (1, "毫秒"),
    ];
    let mut rest = ms;
    let mut words = String::new();
    for (size, unit) in UNITS {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            words.push_str(&count.to_string());
            words.push_str(unit);
        }
    }
    words
}

fn changes(spec: &JobSpec) -> String {
    let gap = match spec.dst_gap {
        DstGap::Skip => "",
        DstGap::After => "，时钟跳过该时刻时在跳过后立即触发",
        DstGap::Shift => "，时钟跳过该时刻时顺延相同时长",
    };
    let fold = match spec.dst_fold {
        DstFold::Last => "",
        DstFold::First => "，该时刻出现两次时取第一次",
        DstFold::Both => "，该时刻出现两次时两次都触发",
    };
    format!("{gap}{fold}")
}

fn bounds(timing: &Timing) -> String {
    let bounds = match (timing.start_at, timing.end_at) {
        (None, None) => String::new(),
        (Some(start), None) => format!("，自 {} 起", instant(start)),
        (None, Some(end)) => format!("，至 {} 止", instant(end)),
        (Some(start), Some(end)) => format!("，自 {} 起至 {} 止", instant(start), instant(end)),
    };
    match timing.jitter_ms {
        0 => bounds,
        jitter_ms => format!("{bounds}，每次随机延后至多{}", length(jitter_ms)),
    }
}

fn calendars(timing: &Timing) -> String {
    let within = |kind: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("，{kind}日历 {}", names.join("、")),
    };
    within("仅在", &timing.include_calendars) + &within("不在", &timing.exclude_calendars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_told_in_chinese() {
        let told = |change: fn(&mut JobSpec)| {
            let mut spec = JobSpec::new("settle");
            change(&mut spec);
            describe_in_chinese(&spec)
        };
        assert_eq!(told(|_| ()), "仅按需触发");
        assert_eq!(
            told(|spec| spec.fixed_rate_ms = Some(90_000)),
            "每1分钟30秒"
        );
        assert_eq!(
            told(|spec| spec.fixed_delay_ms = Some(1500)),
            "上次运行结束后1秒500毫秒"
        );
        let words = told(|spec| {
            spec.cron = Some("0 30 2 * * ?".into());
            spec.time_zone = "Europe/Berlin".into();
            spec.dst_fold = DstFold::Both;
            spec.jitter_ms = 60_000;
            spec.exclude_calendars = vec!["holidays".into()];
        });
        assert_eq!(
            words,
            "每天 02:30（Europe/Berlin），该时刻出现两次时两次都触发，每次随机延后至多1分钟，不在日历 holidays"
        );
    }
}
