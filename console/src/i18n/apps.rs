//! Texts of apps.

/// Texts of the page of apps.
pub(crate) struct AppTexts {
    pub(crate) title: &'static str,
    pub(crate) none: &'static str,
    pub(crate) none_hint: &'static str,
    pub(crate) create: &'static str,
    pub(crate) name_hint: &'static str,
    pub(crate) description: &'static str,
    pub(crate) limit: &'static str,
    pub(crate) created: &'static str,
    pub(crate) most: &'static str,
    pub(crate) rotate: &'static str,
    pub(crate) rotate_ask: fn(&str) -> String,
    pub(crate) rotate_text: &'static str,
    pub(crate) delete_text: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copy_title: fn(&str) -> String,
    pub(crate) copy_text: &'static str,
    pub(crate) copy_to: &'static str,
    pub(crate) copy_replace: &'static str,
    pub(crate) copied: fn([usize; 3]) -> String,
    pub(crate) secret_title: fn(&str) -> String,
    pub(crate) secret_text: &'static str,
    pub(crate) secret_kept: &'static str,
    pub(crate) start_client: &'static str,
}

pub(super) const EN: AppTexts = AppTexts {
    title: "Apps",
    none: "No app yet",
    none_hint: "An app is a group of client processes that share a name and a secret. Create one: its secret and the way to \
        start a client are shown then.",
    create: "Create an app",
    name_hint: "Letters, digits, _, - and . Clients log in with it.",
    description: "Description",
    limit: "Most running shards",
    created: "Created",
    most: "Most shards at once",
    rotate: "New secret",
    rotate_ask: |app| format!("Make a new secret for {app}?"),
    rotate_text: "Clients that have the old one cannot register any more, and those that run lose their connection when they \
        next check. Give them the new one.",
    delete_text: "An app with jobs cannot be deleted. Clients of it cannot register any more. There is no way back.",
    copy: "Copy jobs",
    copy_title: |app| format!("Copy the jobs of {app}"),
    copy_text: "Copies all definitions into another app. New jobs start disabled.",
    copy_to: "To the app called",
    copy_replace: "Make new versions of jobs that are there already",
    copied: |[created, replaced, kept]| {
        format!("{created} new jobs, {replaced} new versions, {kept} left as they were")
    },
    secret_title: |app| format!("The secret of {app}"),
    secret_text: "Keep it now: it is not shown again. Only a hash of it is stored.",
    secret_kept: "I have kept it",
    start_client: "Start a client",
};

pub(super) const ZH: AppTexts = AppTexts {
    title: "应用",
    none: "还没有应用",
    none_hint: "应用是一组共享名称和密钥的客户端进程。创建应用后会显示其密钥以及启动客户端的方法。",
    create: "创建应用",
    name_hint: "字母、数字、_、- 和 .，客户端用它登录。",
    description: "描述",
    limit: "最大运行分片数",
    created: "创建时间",
    most: "同时运行的分片上限",
    rotate: "新密钥",
    rotate_ask: |app| format!("为 {app} 生成新密钥？"),
    rotate_text: "持有旧密钥的客户端将无法注册，正在运行的客户端会在下次校验时断开。请把新密钥交给它们。",
    delete_text: "有任务的应用不能删除。其客户端将无法注册。此操作无法撤销。",
    copy: "复制任务",
    copy_title: |app| format!("复制 {app} 的任务"),
    copy_text: "将全部任务定义复制到另一个应用。新任务初始为停用状态。",
    copy_to: "目标应用名称",
    copy_replace: "对已存在的任务生成新版本",
    copied: |[created, replaced, kept]| {
        format!("新建 {created} 个任务，更新 {replaced} 个，{kept} 个保持不变")
    },
    secret_title: |app| format!("{app} 的密钥"),
    secret_text: "请立即保存：之后不再显示，系统只存储其哈希。",
    secret_kept: "我已保存",
    start_client: "启动客户端",
};
