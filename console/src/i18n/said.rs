//! What the server says in English only, in Chinese: reasons that are stored with ticks, instances and attempts, and
//! problems. What is not known here is shown as the server said it.

mod fields;
mod problems;
mod runs;

use antares_protocol::problem::{Problem, ProblemKind};

/// English and Chinese, with `{}` for what differs.
type Said = (&'static str, &'static str);

/// All that is known. Where several fit the first counts.
fn all() -> impl Iterator<Item = &'static Said> {
    let any: &[Said] = &[("{}: {}", "{}：{}")];
    [runs::SAID, problems::SAID, any, fields::SAID]
        .into_iter()
        .flatten()
}

/// Words within them: a handler may have said such a one itself, and that is left alone.
const WORDS: &[(&str, &str)] = &[
    ("enable", "启用"),
    ("disable", "停用"),
    ("schedule", "调度"),
    ("stop", "停止"),
    ("pause", "暂停"),
    ("resume", "恢复"),
    ("terminate", "终止"),
    ("trigger", "触发"),
    ("triggered", "触发"),
    ("backfill", "补跑"),
    ("backfilled", "补跑"),
    ("waiting", "等待中"),
    ("running", "运行中"),
    ("queued", "排队中"),
    ("paused", "已暂停"),
    ("stopped", "已停止"),
    ("disabled", "已停用"),
    ("deleted", "已删除"),
    ("succeeded", "已成功"),
    ("failed", "已失败"),
    ("terminated", "已终止"),
    ("timed_out", "已超时"),
    ("job", "任务"),
    ("app", "应用"),
    ("calendar", "日历"),
    ("instance", "实例"),
    ("seconds", "秒"),
    ("minutes", "分"),
    ("hours", "时"),
    ("day-of-month", "日"),
    ("month", "月"),
    ("day-of-week", "星期"),
    ("year", "年"),
    ("nothing", "空"),
];

/// What differs in `text`, if it is `pattern` with something in each of its holes.
fn holes<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split("{}");
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut found = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let at = match (parts.peek(), part) {
            (None, "") => rest.len(),
            (None, part) => rest.strip_suffix(part)?.len(),
            (Some(_), part) => rest.find(part)?,
        };
        let hole = &rest[..at];
        if hole.is_empty() {
            return None;
        }
        found.push(hole);
        rest = &rest[at + part.len()..];
    }
    rest.is_empty().then_some(found)
}

/// `text` in Chinese; `None` if it is not known.
fn known(text: &str) -> Option<String> {
    all().find_map(|(english, chinese)| {
        let found = holes(english, text)?;
        // A field before a colon says nothing where what follows is not known.
        if *english == "{}: {}" {
            known(found[1])?;
        }
        let mut shown = (*chinese).to_owned();
        for (index, hole) in found.iter().enumerate() {
            let word = WORDS.iter().find(|(english, _)| english == hole);
            let word = word.map(|(_, chinese)| (*chinese).to_owned());
            let hole = word
                .or_else(|| known(hole))
                .unwrap_or_else(|| (*hole).to_owned());
            let numbered = format!("{{{index}}}");
            shown = if shown.contains(&numbered) {
                shown.replace(&numbered, &hole)
            } else {
                shown.replacen("{}", &hole, 1)
            };
        }
        Some(shown)
    })
}

/// `text` in Chinese, or as it is.
pub(super) fn chinese(text: &str) -> String {
    known(text).unwrap_or_else(|| text.to_owned())
}

/// The title of a problem in Chinese.
pub(super) fn chinese_title(problem: &Problem) -> String {
    match problem.kind {
        ProblemKind::MalformedRequest => "请求格式错误",
        ProblemKind::InvalidField => "字段无效",
        ProblemKind::Unauthorized => "未授权",
        ProblemKind::Forbidden => "禁止访问",
        ProblemKind::NotFound => "未找到",
        ProblemKind::MethodNotAllowed => "不允许的方法",
        ProblemKind::IllegalState => "状态不允许",
        ProblemKind::NameTaken => "名称已被占用",
        ProblemKind::VersionConflict => "版本冲突",
        ProblemKind::ClientGone => "客户端已离线",
        ProblemKind::BodyTooLarge => "请求体过大",
        ProblemKind::UnsupportedMediaType => "不支持的媒体类型",
        ProblemKind::TooManyRequests => "请求过多",
        ProblemKind::Internal => "内部错误",
        ProblemKind::Unavailable => "暂时不可用",
        ProblemKind::Unknown => return problem.title.clone(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_translated_with_what_differs_in_it() {
        for (english, expected) in [
            (
                "overlap: the queue of the job was full, at 5",
                "重叠：该任务的队列已满（5 个）",
            ),
            (
                "calendar holidays: New Year: 1",
                "日历 holidays：New Year: 1",
            ),
            ("calendar holidays", "日历 holidays"),
            (
                "the job was disabled before the instance started",
                "实例开始前该任务已停用",
            ),
            ("the job was deleted", "该任务已删除"),
            (
                "cannot pause a job that is stopped: only a job that waits or runs can be paused",
                "无法暂停已停止的任务：只有等待或运行中的任务才能暂停",
            ),
            (
                "cannot rerun instance 7, which is succeeded: no shard of it failed or was cancelled",
                "无法重跑实例 7（已成功）：没有失败或被取消的分片",
            ),
            (
                "the job `report` of `shop` follows it: delete or change that one first",
                "应用“shop”的任务“report”依赖它：请先删除或修改那个任务",
            ),
            (
                "name: must have 1 to 200 characters",
                "name：须为 1 至 200 个字符",
            ),
            ("there is no job 7", "没有任务 7"),
            (
                "cron: hours: 25 is out of range 0-23",
                "cron：时：25 超出范围 0-23",
            ),
            (
                "spec.cron: minutes: step 0 is out of range 1-59",
                "spec.cron：分：步长 0 超出范围 1-59",
            ),
            (
                "month: FOO is not a number 1-12 or a name JAN-DEC",
                "月：FOO 不是 1-12 内的数字，也不是 JAN-DEC 内的名称",
            ),
            (
                "spec.time_zone: `Mars/Olympus` is not an IANA time zone; write one like Asia/Shanghai or UTC",
                "spec.time_zone：“Mars/Olympus”不是 IANA 时区；请写成 Asia/Shanghai 或 UTC 的形式",
            ),
            (
                "no attempt is left, the limit is 3: boom: 7",
                "尝试次数已用完（上限 3 次）：boom: 7",
            ),
            (
                "no attempt is left, the limit is 3",
                "尝试次数已用完（上限 3 次）",
            ),
            ("terminated by admin", "由 admin 终止"),
            (
                "overlap.allow: 1 is not allowed; give 2 to 1000, or use skip for one at a time",
                "overlap.allow：不允许 1；请填写 2 至 1000，若一次只运行一个请选择跳过",
            ),
            // A handler's own words, and what newer servers say.
            (
                "disk full: no space left on device",
                "disk full: no space left on device",
            ),
            ("failed", "failed"),
            ("", ""),
        ] {
            assert_eq!(chinese(english), expected);
        }
    }

    #[test]
    fn every_translation_has_the_holes_of_what_it_translates() {
        for (english, chinese) in all() {
            let holes = english.matches("{}").count();
            let numbered = (0..9)
                .filter(|n| chinese.contains(&format!("{{{n}}}")))
                .count();
            assert_eq!(chinese.matches("{}").count() + numbered, holes, "{english}");
        }
    }
}
