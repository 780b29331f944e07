//! What the server says in English only, in Chinese: reasons that are stored with ticks, instances and attempts, and
//! problems. What is not known here is shown as the server said it.

use antares_protocol::problem::{Problem, ProblemKind};

/// English and Chinese, with `{}` for what differs. Where several fit the first counts.
const SAID: &[(&str, &str)] = &[
    // Ticks.
    (
        "overlap: an instance of the job was running",
        "重叠：该任务已有实例在运行",
    ),
    (
        "overlap: the queue of the job was full, at {}",
        "重叠：该任务的队列已满（{} 个）",
    ),
    (
        "overlap: as many instances of the job were running as may, which is {}",
        "重叠：该任务运行中的实例已达上限（{} 个）",
    ),
    (
        "no client: none is alive that may run the job",
        "无客户端：没有可运行该任务的在线客户端",
    ),
    (
        "missed: a later tick fired for it",
        "错过：由之后的一次触发代替",
    ),
    (
        "missed: the job's misfire policy is to ignore missed ticks",
        "错过：该任务的错过策略为忽略错过的时刻",
    ),
    (
        "missed: longer ago than the {} ms of the job's misfire policy",
        "错过：早于该任务错过策略的时间窗（{} 毫秒）",
    ),
    (
        "missed: the job's misfire policy fires the latest {} missed ticks only",
        "错过：该任务的错过策略只补触发最近 {} 次错过的时刻",
    ),
    ("not in calendar {}", "不在日历 {} 内"),
    ("calendar {}: {}", "日历 {}：{}"),
    ("calendar {}", "日历 {}"),
    // Instances.
    (
        "the job was {} before the instance started",
        "实例开始前该任务{}",
    ),
    ("the job was {}", "该任务{}"),
    ("replaced by instance {}", "被实例 {} 取代"),
    ("an operator terminated it", "由操作员终止"),
    (
        "more shards failed than may, and the job cancels the rest then",
        "失败的分片超过允许数量，按任务设置取消其余分片",
    ),
    (
        "clients left before they had run their shard",
        "有客户端在运行其分片前已离线",
    ),
    (
        "the instance took longer than the job allows",
        "实例超过了任务允许的时长",
    ),
    ("the plan is longer than {} bytes", "分片计划超过 {} 字节"),
    (
        "the plan is not a JSON array: {}",
        "分片计划不是 JSON 数组：{}",
    ),
    (
        "the plan has {} shards; the limit is {}",
        "分片计划有 {} 个分片，上限为 {}",
    ),
    (
        "the plan holds the character U+0000, which cannot be stored",
        "分片计划含有无法存储的字符 U+0000",
    ),
    (
        "the plan holds {}, an integer beyond 64 bits, which would be rounded: write it as a string",
        "分片计划含有超过 64 位的整数 {}，会被舍入：请写成字符串",
    ),
    ("the plan has no shards", "分片计划中没有分片"),
    // Attempts.
    (
        "the attempt took longer than the job allows",
        "该次尝试超过了任务允许的时长",
    ),
    (
        "the client was gone: killed, hung or cut off",
        "客户端已失联：被杀死、挂起或断网",
    ),
    (
        "the client hung up before the claim was answered",
        "客户端在领取得到应答前断开",
    ),
    (
        "the client does not know of the claim: its answer was lost on the way",
        "客户端不知道这次领取：应答在途中丢失",
    ),
    // Problems.
    (
        "cannot rerun an instance of a job that is {}: {}",
        "无法重跑{}的任务的实例：{}",
    ),
    (
        "cannot rerun instance {}, which is {}: {}",
        "无法重跑实例 {}（{}）：{}",
    ),
    ("cannot {} a job that is {}: {}", "无法{}{}的任务：{}"),
    (
        "only a disabled job can be enabled",
        "只有已停用的任务才能启用",
    ),
    ("it is disabled already", "任务已经停用"),
    (
        "only a stopped job can be scheduled",
        "只有已停止的任务才能加入调度",
    ),
    (
        "only a job that waits, runs or is paused can be stopped",
        "只有等待、运行或已暂停的任务才能停止",
    ),
    (
        "only a job that waits or runs can be paused",
        "只有等待或运行中的任务才能暂停",
    ),
    (
        "only a paused job can be resumed",
        "只有已暂停的任务才能恢复",
    ),
    (
        "only a job that waits can be {}: enable, schedule or resume it first",
        "只有等待中的任务才能{}：请先启用、调度或恢复",
    ),
    (
        "only a job that waits can run: enable, schedule or resume it first",
        "只有等待中的任务才能运行：请先启用、调度或恢复",
    ),
    ("no instance of it is running", "没有运行中的实例"),
    (
        "no shard of it failed or was cancelled",
        "没有失败或被取消的分片",
    ),
    (
        "as many instances of it run as may: wait for one to end, or terminate it",
        "运行中的实例已达上限：请等待一个结束，或终止它",
    ),
    (
        "its overlap policy lets {} run and {} wait, and so many do: wait for one to end, or terminate it",
        "重叠策略允许 {} 个运行、{} 个排队，均已占满：请等待一个结束，或终止它",
    ),
    (
        "the change is based on version {}, but the {} is at version {}: read it again",
        "修改基于版本 {}，但该{}已是版本 {}：请重新读取",
    ),
    (
        "another call or transaction has used the idempotency key `{}` and has not ended: repeat the call when it has",
        "另一个调用或事务正在使用幂等键“{}”且尚未结束：请在其结束后重试",
    ),
    (
        "the job `{}` of `{}` follows it: delete or change that one first",
        "应用“{1}”的任务“{0}”依赖它：请先删除或修改那个任务",
    ),
    (
        "the app has a job called `{}` already",
        "该应用已有名为“{}”的任务",
    ),
    (
        "there is a calendar called `{}` already",
        "已有名为“{}”的日历",
    ),
    ("there is an app called `{}` already", "已有名为“{}”的应用"),
    ("there is no {} {}", "没有{} {}"),
    ("there is no app called `{}`", "没有名为“{}”的应用"),
    (
        "entry {}: the app `{}` has no job `{}`; create it first",
        "第 {0} 项：应用“{1}”没有名为“{2}”的任务；请先创建",
    ),
    (
        "there is no calendar `{}`; create it first",
        "没有名为“{}”的日历；请先创建",
    ),
    (
        "there is no limit `{}`; create it first",
        "没有名为“{}”的限制；请先创建",
    ),
    (
        "makes a cycle: {}; break it somewhere",
        "形成循环：{}；请在某处断开",
    ),
    (
        "{} is not allowed; give {} to {}",
        "不允许 {}；请填写 {} 至 {}",
    ),
    (
        "jobs use the calendar: {}; change them first",
        "有任务使用该日历：{}；请先修改它们",
    ),
    ("the user name or the password is wrong", "用户名或密码错误"),
    (
        "too many secrets are being checked; try again in a few seconds",
        "正在核对的密码过多；请几秒后重试",
    ),
    (
        "the database is away or overloaded; try again",
        "数据库不可用或过载；请重试",
    ),
    (
        "this is a defect of the server and has been logged",
        "这是服务器的缺陷，已记入日志",
    ),
    ("must have 1 to {} characters", "须为 1 至 {} 个字符"),
    (
        "must not start or end with a space or hold control characters",
        "首尾不能有空格，且不能含控制字符",
    ),
    ("{}: {}", "{}：{}"),
];

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
    SAID.iter().find_map(|(english, chinese)| {
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
        for (english, chinese) in SAID {
            let holes = english.matches("{}").count();
            let numbered = (0..9)
                .filter(|n| chinese.contains(&format!("{{{n}}}")))
                .count();
            assert_eq!(chinese.matches("{}").count() + numbered, holes, "{english}");
        }
    }
}
