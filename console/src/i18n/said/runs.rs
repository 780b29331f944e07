//! Reasons that are stored with ticks, instances and attempts.

use super::Said;

pub(super) const SAID: &[Said] = &[
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
    ("terminated by {}", "由 {} 终止"),
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
        "no attempt is left, the limit is {}: {}",
        "尝试次数已用完（上限 {} 次）：{}",
    ),
    (
        "no attempt is left, the limit is {}",
        "尝试次数已用完（上限 {} 次）",
    ),
    (
        "the client left before it had run its shard",
        "客户端在运行其分片前已离线",
    ),
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
    ("timed out after {} ms: {}", "{} 毫秒后超时：{}"),
    ("exit code {}\n{}", "退出码 {}\n{}"),
    ("exit code {}", "退出码 {}"),
    ("killed by signal {}", "被信号 {} 终止"),
    (
        "the plan is nested more than {} deep",
        "分片计划嵌套超过 {} 层",
    ),
];
