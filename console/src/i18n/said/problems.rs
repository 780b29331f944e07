//! What calls are refused with.

use super::Said;

pub(super) const SAID: &[Said] = &[
    (
        "cannot rerun an instance of a job that is {}: {}",
        "无法重跑{}的任务的实例：{}",
    ),
    (
        "cannot rerun instance {}, which is {}: {}",
        "无法重跑实例 {}（{}）：{}",
    ),
    (
        "`{}` is not known here; give one of {}",
        "“{}”不可用；请使用以下之一：{}",
    ),
    (
        "is no such number; give a whole number within its limits",
        "不是允许的整数；请填写整数",
    ),
    (
        "is no such number; give a whole number {} or more",
        "不是允许的整数；请填写不小于 {} 的整数",
    ),
    (
        "is no such number; give a whole number {} to {}",
        "不是允许的整数；请填写 {} 至 {} 的整数",
    ),
    (
        "is no id; give one as it is shown, 32 hexadecimal digits with dashes",
        "不是编号；请按显示的样子填写（32 位十六进制数字，带连字符）",
    ),
    (
        "is none of those that are known; give one of {}",
        "不可用；请使用以下之一：{}",
    ),
    (
        "`{}` is not a `next` of this list",
        "“{}”不是此列表的下一页；请从第一页开始",
    ),
    (
        "cannot drain the only server that fires jobs: start another or resume one, then try again",
        "无法排空唯一触发任务的服务器：请先启动或恢复另一台服务器，然后重试",
    ),
    (
        "there is no server {}; a server has a new id whenever it joins",
        "没有服务器 {}；服务器每次加入都有新的编号",
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
        "its overlap policy lets {} run and {} wait, and no place is free: wait for one to end, or terminate it",
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
    ("there is no app called `{}`", "没有名为“{}”的应用"),
    (
        "the app `{}` has no job `{}`; create it first",
        "应用“{}”没有名为“{}”的任务；请先创建",
    ),
    (
        "`{}` of `{}` is named twice; remove one of them",
        "应用“{1}”的任务“{0}”出现了两次；请去掉一个",
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
    (
        "{} is not allowed; give a year from {} to {}",
        "不允许 {}；请填写 {} 至 {} 年",
    ),
    (
        "has no days; name some, such as Sat",
        "没有星期；请填写，例如 Sat",
    ),
    (
        "ends when it begins; leave both times out for whole days",
        "起止时间相同；若为整天请都留空",
    ),
    (
        "ends before it begins; swap its times",
        "终点在起点之前；请对调",
    ),
    (
        "has a year that is not allowed; give years from {} to {}",
        "年份不在允许范围内；请填写 {} 至 {} 年",
    ),
    (
        "the app `{}` has jobs; delete those first",
        "应用“{}”仍有任务；请先删除",
    ),
    ("there is no version {} of job {}", "没有版本 {}（任务 {}）"),
    // After all that say more.
    ("there is no {} {}", "没有{} {}"),
];
