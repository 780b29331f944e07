//! Texts of draining a server.

/// Texts of the buttons of a server, and of what came of them.
pub(crate) struct ServerTexts {
    pub(crate) drain: &'static str,
    pub(crate) resume: &'static str,
    pub(crate) last: &'static str,
    pub(crate) drained: &'static str,
    pub(crate) scheduled_jobs: &'static str,
    pub(crate) drain_ask: fn(&str) -> String,
    pub(crate) drain_text: fn(&str) -> String,
    pub(crate) now_drained: fn(&str) -> String,
    pub(crate) now_resumed: fn(&str) -> String,
}

pub(super) const EN: ServerTexts = ServerTexts {
    drain: "Drain",
    resume: "Resume",
    last: "Drained, but fires: no other server is left",
    drained: "Drained",
    scheduled_jobs: "Scheduled jobs",
    drain_ask: |server| format!("Drain {server}?"),
    drain_text: |jobs| {
        format!(
            "The other servers fire its scheduled jobs from now on ({jobs} at present); if there is none, this is refused. Nothing is interrupted: it still \
             answers clients and this console, and hands out shards. It stays drained until it is resumed or \
             started anew; should no other server be left, it fires again."
        )
    },
    now_drained: |server| format!("{server} is drained: other servers fire its jobs"),
    now_resumed: |server| format!("{server} is resumed"),
};

pub(super) const ZH: ServerTexts = ServerTexts {
    drain: "排空",
    resume: "恢复",
    last: "已排空，但仍触发：没有其他服务器",
    drained: "已排空",
    scheduled_jobs: "定时任务",
    drain_ask: |server| format!("排空 {server}？"),
    drain_text: |jobs| {
        format!(
            "从现在起，它调度的任务（目前 {jobs} 个）改由其他服务器触发；若没有其他服务器，则会被拒绝。运行中的工作不受影响：它仍响应客户端与此控制台，\
             并继续分发分片。恢复它或重新启动后才解除排空；如果没有其他服务器可用，它会重新触发任务。"
        )
    },
    now_drained: |server| format!("{server} 已排空：其任务由其他服务器触发"),
    now_resumed: |server| format!("{server} 已恢复"),
};
