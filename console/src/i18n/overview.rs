//! Texts of the overview and of the graph of dependencies.

/// Texts of the overview.
pub(crate) struct OverviewTexts {
    pub(crate) title: &'static str,
    pub(crate) begin: &'static str,
    pub(crate) begin_app: &'static str,
    pub(crate) begin_job: &'static str,
    pub(crate) begin_client: &'static str,
    pub(crate) running: &'static str,
    pub(crate) queued: &'static str,
    pub(crate) running_shards: &'static str,
    pub(crate) waiting_shards: &'static str,
    pub(crate) waiting_since: &'static str,
    pub(crate) succeeded: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) timed_out: &'static str,
    pub(crate) paused_jobs: &'static str,
    pub(crate) ended: &'static str,
    pub(crate) hour: fn(&str, [i64; 3]) -> String,
    pub(crate) day: fn([i64; 3]) -> String,
    pub(crate) failed_or_late: &'static str,
    pub(crate) lateness: &'static str,
    pub(crate) late_half: &'static str,
    pub(crate) late_most: &'static str,
    pub(crate) late_all: &'static str,
    pub(crate) late_hour: fn(&str, [i64; 3]) -> String,
    pub(crate) latest: fn(&str) -> String,
    pub(crate) counted_from: &'static str,
    pub(crate) next_hour: &'static str,
    pub(crate) minute: fn([i64; 2]) -> String,
    pub(crate) next: fn(&str) -> String,
    pub(crate) failing: &'static str,
    pub(crate) none_failing: &'static str,
    pub(crate) failures: fn(&str) -> String,
    pub(crate) busiest: &'static str,
    pub(crate) busy: fn(&str, &str) -> String,
    pub(crate) health: &'static str,
    pub(crate) database: &'static str,
    pub(crate) connections: &'static str,
    pub(crate) snapshot: &'static str,
    pub(crate) jobs: fn([i64; 4]) -> String,
}

/// Texts of the graph.
pub(crate) struct GraphTexts {
    pub(crate) title: &'static str,
    pub(crate) none: &'static str,
    pub(crate) none_hint: &'static str,
    pub(crate) cut: &'static str,
    pub(crate) list: &'static str,
    pub(crate) first: &'static str,
    pub(crate) then: &'static str,
}

pub(super) const EN: OverviewTexts = OverviewTexts {
    title: "Overview",
    begin: "Nothing is set up yet. Three steps:",
    begin_app: "a name for your programs, with a secret that is shown once, and the code to start a client with.",
    begin_job: "what to run, when, and in how many shards.",
    begin_client: "start yours; it is listed as soon as it is online, and the job runs.",
    running: "Running instances",
    queued: "Queued instances",
    running_shards: "Running shards",
    waiting_shards: "Waiting shards",
    waiting_since: "The oldest instance with waiting shards was fired",
    succeeded: "Succeeded in 24 h",
    failed: "Failed in 24 h",
    timed_out: "Timed out in 24 h",
    paused_jobs: "Paused jobs",
    ended: "Ended instances, by hour",
    hour: |at, [good, bad, ended]| {
        format!("{at}: {good} succeeded, {bad} failed, {ended} terminated")
    },
    day: |[good, bad, ended]| {
        format!("In 24 hours: {good} succeeded, {bad} failed, {ended} terminated.")
    },
    failed_or_late: "Failed or timed out",
    lateness: "Lateness of scheduled fires, by hour",
    late_half: "Half of them",
    late_most: "95 of 100",
    late_all: "The latest",
    late_hour: |at, [p50, p95, most]| {
        format!("{at}: half within {p50} ms, 95 of 100 within {p95} ms, the latest {most} ms")
    },
    latest: |time| format!("The latest was {time} late."),
    counted_from: "The newest 100,000 instances are counted, from",
    next_hour: "Ticks of the next hour, by minute",
    minute: |[minute, ticks]| format!("in {minute} min: {ticks}"),
    next: |ticks| format!("Due within the hour: {ticks}."),
    failing: "Failing jobs",
    none_failing: "No instance has failed in 24 hours.",
    failures: |n| format!("{n} failed"),
    busiest: "Busiest jobs",
    busy: |shards, took| match shards {
        "1" => format!("1 shard, {took}"),
        shards => format!("{shards} shards, {took}"),
    },
    health: "Health",
    database: "Database",
    connections: "Connections",
    snapshot: "Oldest snapshot",
    jobs: |[scheduled, paused, stopped, disabled]| {
        format!("{scheduled} scheduled, {paused} paused, {stopped} stopped, {disabled} disabled")
    },
};

pub(super) const ZH: OverviewTexts = OverviewTexts {
    title: "概览",
    begin: "尚未配置任何内容，只需三步：",
    begin_app: "为您的程序命名，密钥只显示一次，并给出启动客户端的代码。",
    begin_job: "运行什么、何时运行、分成多少片。",
    begin_client: "启动您的客户端；上线后即会列出，任务随之运行。",
    running: "运行中的实例",
    queued: "排队的实例",
    running_shards: "运行中的分片",
    waiting_shards: "等待中的分片",
    waiting_since: "最早有等待分片的实例触发于",
    succeeded: "24 小时内成功",
    failed: "24 小时内失败",
    timed_out: "24 小时内超时",
    paused_jobs: "已暂停的任务",
    ended: "每小时结束的实例",
    hour: |at, [good, bad, ended]| format!("{at}：{good} 成功，{bad} 失败，{ended} 终止"),
    day: |[good, bad, ended]| format!("24 小时内 {good} 成功，{bad} 失败，{ended} 终止。"),
    failed_or_late: "失败或超时",
    lateness: "每小时定时触发的延迟",
    late_half: "一半",
    late_most: "95%",
    late_all: "最大",
    late_hour: |at, [p50, p95, most]| {
        format!("{at}：一半在 {p50} 毫秒内，95% 在 {p95} 毫秒内，最大 {most} 毫秒")
    },
    latest: |time| format!("最大延迟 {time}。"),
    counted_from: "统计最近 100,000 个实例，起始于",
    next_hour: "未来一小时的触发（每分钟）",
    minute: |[minute, ticks]| format!("{minute} 分钟后：{ticks}"),
    next: |ticks| format!("一小时内将触发 {ticks} 次。"),
    failing: "失败的任务",
    none_failing: "24 小时内没有实例失败。",
    failures: |n| format!("{n} 次失败"),
    busiest: "最繁忙的任务",
    busy: |shards, took| format!("{shards} 个分片，{took}"),
    health: "健康状况",
    database: "数据库",
    connections: "连接数",
    snapshot: "最旧快照",
    jobs: |[scheduled, paused, stopped, disabled]| {
        format!("{scheduled} 调度中，{paused} 暂停，{stopped} 停止，{disabled} 停用")
    },
};

pub(super) const GRAPH_EN: GraphTexts = GraphTexts {
    title: "Dependencies",
    none: "No job follows another",
    none_hint: "In the editor of a job, “Dependencies” names the jobs that it follows. Then they are drawn here.",
    cut: "Only the first 5,000 dependencies are shown.",
    list: "As a list",
    first: "When this ends",
    then: "this fires",
};

pub(super) const GRAPH_ZH: GraphTexts = GraphTexts {
    title: "依赖关系",
    none: "没有任务跟随其他任务",
    none_hint: "在任务编辑器的“依赖”中指定要跟随的任务，之后会在这里绘制。",
    cut: "仅显示前 5,000 条依赖。",
    list: "列表形式",
    first: "当此任务结束",
    then: "触发此任务",
};
