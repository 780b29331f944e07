//! What is wrong with a field of a definition, in the order of the server's checks. Cron expressions come first.

use super::Said;

pub(super) const SAID: &[Said] = &[
    (
        "5 fields look like a Unix expression: put a seconds field in front and `?` in the day field that is not used, for example `0 30 9 * * ?` for 9:30 every day",
        "5 个字段像是 Unix 表达式：请在最前面加上秒，并在不用的日期字段写“?”，例如每天 9:30 为“0 30 9 * * ?”",
    ),
    (
        "expected 6 or 7 fields in the order `seconds minutes hours day-of-month month day-of-week [year]`, found {}",
        "应有 6 或 7 个字段，依次为“秒 分 时 日 月 星期 [年]”，现有 {} 个",
    ),
    (
        "day-of-month {} and day-of-week {} exclude each other: put ? in the one that is not used",
        "日 {} 与星期 {} 互相排斥：请在不用的那个写“?”",
    ),
    (
        "day-of-month and day-of-week are both ?: write * in one of them for every day",
        "日与星期都是“?”：若要每天，请在其中一个写“*”",
    ),
    ("not a cron expression: {}", "不是 cron 表达式：{}"),
    ("step {} is out of range {}-{}", "步长 {} 超出范围 {}-{}"),
    ("offset {} is out of range {}-{}", "偏移 {} 超出范围 {}-{}"),
    (
        "occurrence {} is out of range {}-{}",
        "序数 {} 超出范围 {}-{}",
    ),
    ("{} is out of range {}-{}", "{} 超出范围 {}-{}"),
    (
        "{} is not a number {} or a name {}",
        "{} 不是 {} 内的数字，也不是 {} 内的名称",
    ),
    ("{} is not a number {}", "{} 不是 {} 内的数字"),
    (
        "{} puts {} in a list: it must stand alone",
        "{} 在列表中用了 {}：它必须单独使用",
    ),
    (
        "{} puts L or W in a list: they must stand alone",
        "{} 在列表中用了 L 或 W：它们必须单独使用",
    ),
    (
        "{} is none of L, LW, L-3, L-3W and 15W",
        "{} 不是 L、LW、L-3、L-3W、15W 之一",
    ),
    (
        "{} is none of L, LW, L-3 and L-3W",
        "{} 不是 L、LW、L-3、L-3W 之一",
    ),
    (
        "{} is not allowed: ? stands alone, in day-of-month or day-of-week",
        "不允许 {}：“?”须单独用于日或星期",
    ),
    (
        "{} has a comma with nothing beside it",
        "{} 的逗号旁缺少内容",
    ),
    (
        "{} has a step after a name: write numbers, as in 2-6/2",
        "{} 在名称后用了步长：请写数字，例如 2-6/2",
    ),
    (
        "{} mixes a name and a number: write two names or two numbers",
        "{} 混用了名称和数字：请都写名称或都写数字",
    ),
    (
        "{} ends before it starts: write the lower value first",
        "{} 的终点在起点之前：请先写较小的值",
    ),
    ("{} ends before it starts", "{} 的终点在起点之前"),
    (
        "{} has no meaning for years: write numbers, or leave the year out",
        "{} 不能用于年：请写数字，或不写年",
    ),
    (
        "{} has no range in its brackets: write one as in H(0-29)",
        "{} 的括号内缺少范围：请写成 H(0-29) 的形式",
    ),
    (
        "has an H, which depends on the names of an app and a job: preview it with them, by POST /api/v1/schedule/preview",
        "含有 H，其值取决于应用和任务的名称：请带上它们，用 POST /api/v1/schedule/preview 预览",
    ),
    (
        "never fires: no time from 1970 to {} matches it; change the date or the year; if the clocks leave that time out, another dst_gap helps",
        "永不触发：从 1970 到 {} 年没有符合的时间；请更改日期或年份，若是夏令时跳过了该时刻，请更改 dst_gap",
    ),
    (
        "`` is not an IANA time zone; write one like Asia/Shanghai or UTC",
        "为空；请写成 Asia/Shanghai 或 UTC 的形式",
    ),
    (
        "must have 1 to 100 letters, digits, `_`, `-` or `.`",
        "须为 1 至 100 个字母、数字、“_”、“-”或“.”",
    ),
    (
        "must not hold a comma, which parts names in lists",
        "不能包含逗号（逗号用于分隔名称）",
    ),
    ("must hold a letter or a digit", "须包含字母或数字"),
    (
        "`{}` has no `=`; write item=parameter, or give a JSON array",
        "“{}”中没有“=”；请写成 序号=参数",
    ),
    (
        "`{}` is not an item number; items count from 0",
        "“{}”不是分片序号；序号从 0 开始",
    ),
    (
        "item {} is above the limit of {} shards",
        "序号 {} 超过 {} 个分片的上限",
    ),
    ("item {} is given twice", "序号 {} 重复"),
    (
        "`{}` is not an IANA time zone; write one like Asia/Shanghai or UTC",
        "“{}”不是 IANA 时区；请写成 Asia/Shanghai 或 UTC 的形式",
    ),
    ("must have 1 to {} characters", "须为 1 至 {} 个字符"),
    (
        "must not start or end with a space or hold control characters",
        "首尾不能有空格，且不能含控制字符",
    ),
    (
        "is given beside {}; leave one of them out: a job has at most one of cron, fixed_rate_ms, fixed_delay_ms and at",
        "与 {} 同时给出；请去掉一个：cron、fixed_rate_ms、fixed_delay_ms 和 at 至多只能有一个",
    ),
    (
        "is not for fixed_delay_ms; leave one of them out",
        "不能与 fixed_delay_ms 同用；请去掉一个",
    ),
    (
        "is more than {}; give less, or 0 for none",
        "超过 {}；请减小，0 表示没有",
    ),
    (
        "has {} instants; give {} at most, or use cron",
        "有 {} 个时刻；最多 {} 个，或改用 cron",
    ),
    (
        "is before start_at; give a later instant, or leave it out",
        "早于 start_at；请填写更晚的时刻，或留空",
    ),
    (
        "{} is not allowed; give an instant from 1970 to {}",
        "不允许 {}；请填写 1970 至 {} 年的时刻",
    ),
    (
        "{} is not allowed; give {} to {}, or use ignore",
        "不允许 {}；请填写 {} 至 {}，或选择忽略",
    ),
    (
        "{} is not allowed; give {} to {}, or use skip for one at a time",
        "不允许 {}；请填写 {} 至 {}，若一次只运行一个请选择跳过",
    ),
    (
        "{} is not allowed; give {} to {}, or use skip",
        "不允许 {}；请填写 {} 至 {}，或选择跳过",
    ),
    (
        "{} is not allowed; give 0 for no limit, or 1 to {}",
        "不允许 {}；0 表示不限，或填写 1 至 {}",
    ),
    ("is not allowed; give {} to {}", "不允许；请填写 {} 至 {}"),
    (
        "is more than {} days; give 0 for no limit",
        "超过 {} 天；0 表示不限",
    ),
    ("is more than {} days; give less", "超过 {} 天；请减小"),
    (
        "has {} names; give {} at most, and put the days of several calendars into one",
        "有 {} 个名称；最多 {} 个，请将多个日历的日期合并到一个",
    ),
    ("names `{}` twice; drop one", "“{}”出现两次；请去掉一个"),
    (
        "is longer than {} bytes; shorten it",
        "超过 {} 字节；请缩短",
    ),
    (
        "is longer than 256 KiB; put it in a file on the client",
        "超过 256 KiB；请放入客户端的文件中",
    ),
    (
        "is only for kind script; set kind to script, or leave it out",
        "仅用于脚本任务；请将类型设为脚本，或留空",
    ),
    (
        "`script` is reserved for script jobs; choose another",
        "“script”保留给脚本任务；请另选一个",
    ),
    (
        "is missing; give a command, or a body with its interpreter",
        "缺失；请填写命令，或脚本内容及其解释器",
    ),
    (
        "is not for script jobs; leave it out",
        "不能用于脚本任务；请留空",
    ),
    ("is empty; write what to run", "为空；请写明要运行什么"),
    (
        "has a quote that is not closed, or ends with a backslash; close it, or give the script's text as a body",
        "有未闭合的引号，或以反斜杠结尾；请闭合，或以脚本内容的形式填写",
    ),
    (
        "{} is not allowed; give {} to {}",
        "不允许 {}；请填写 {} 至 {}",
    ),
    (
        "{} parameters for {} shards; raise shard_count or drop the surplus",
        "{} 个参数，但只有 {} 个分片；请增加分片数或去掉多余的参数",
    ),
    (
        "give 0 for no limit, or 1 to {}",
        "0 表示不限，或填写 1 至 {}",
    ),
    (
        "is {} bytes of JSON; the limit is {}",
        "为 {} 字节的 JSON；上限为 {}",
    ),
    (
        "holds the character U+0000, which cannot be stored; remove it",
        "含有无法存储的字符 U+0000；请删除",
    ),
    (
        "is more than shard_count; give less, or raise that",
        "大于分片数；请减小，或增加分片数",
    ),
    (
        "has more than {} entries; follow fewer jobs",
        "超过 {} 项；请减少所依赖的任务",
    ),
    (
        "passes something from more than one entry; with join \"all\" one may, the others pass \"nothing\"",
        "有多项传递内容；全部满足才触发时只能有一项传递，其余须为不传递",
    ),
    (
        "chooses nobody in particular; give hosts, ips or labels, or use any or nobody",
        "没有指定任何对象；请填写主机、IP 或标签，或选择任意或无",
    ),
    (
        "has more than {} entries; use a label",
        "超过 {} 项；请使用标签",
    ),
    (
        "`{}` is no IP address; give one such as {}",
        "“{}”不是 IP 地址；请写成 {} 的形式",
    ),
    (
        "is less than delay_ms; give at least as much",
        "小于 delay_ms；不能小于它",
    ),
    (
        "has more than {} names; give fewer",
        "超过 {} 个名称；请减少",
    ),
    (
        "names a limit twice; name it once",
        "同一限制出现两次；请只写一次",
    ),
    ("has {} entries; the limit is {}", "有 {} 项；上限为 {}"),
    (
        "`{}` is not allowed; give at most {} visible characters",
        "不允许“{}”；最多 {} 个可见字符",
    ),
];
