//! Texts of calendars and of limits.

/// Texts of the page of calendars.
pub(crate) struct CalendarTexts {
    pub(crate) title: &'static str,
    pub(crate) one: &'static str,
    pub(crate) used_by: &'static str,
    pub(crate) none: &'static str,
    pub(crate) none_hint: &'static str,
    pub(crate) create: &'static str,
    pub(crate) holds: &'static str,
    pub(crate) counts: fn([usize; 3]) -> String,
    pub(crate) show: &'static str,
    pub(crate) covered: &'static str,
    pub(crate) dates: &'static str,
    pub(crate) dates_hint: &'static str,
    pub(crate) weekly: &'static str,
    pub(crate) weekly_hint: &'static str,
    pub(crate) spans: &'static str,
    pub(crate) spans_hint: &'static str,
    pub(crate) wrong_line: fn(usize, &str) -> String,
    pub(crate) import: &'static str,
    pub(crate) import_text: &'static str,
    pub(crate) ics: &'static str,
    pub(crate) replace: &'static str,
    pub(crate) delete_text: &'static str,
}

/// Texts of the page of limits.
pub(crate) struct LimitTexts {
    pub(crate) title: &'static str,
    pub(crate) none: &'static str,
    pub(crate) none_hint: &'static str,
    pub(crate) create: &'static str,
    pub(crate) most: &'static str,
    pub(crate) changed: &'static str,
    pub(crate) delete_text: &'static str,
}

pub(super) const EN: CalendarTexts = CalendarTexts {
    title: "Calendars",
    one: "Calendar",
    used_by: "Jobs that use it",
    none: "No calendar yet",
    none_hint: "A calendar is a named set of days and hours. Jobs name the calendars that keep their ticks in or out.",
    create: "Create a calendar",
    holds: "Holds",
    counts: |[dates, weekly, spans]| {
        let s = |n| if n == 1 { "" } else { "s" };
        format!(
            "{dates} date{}, {weekly} weekly period{}, {spans} span{}",
            s(dates),
            s(weekly),
            s(spans)
        )
    },
    show: "What it covers",
    covered: "In the next 90 days it covers:",
    dates: "Whole days",
    dates_hint: "One in a line: 2026-12-24 Christmas Eve, or *-12-25 Christmas for every year.",
    weekly: "Hours of each week",
    weekly_hint: "One in a line: Sat,Sun weekend, or Mon-Fri 22:00-06:00 nights.",
    spans: "Spans of time",
    spans_hint: "One in a line: 2026-11-25T22:00:00Z/2026-11-26T02:00:00Z release 4.2.",
    wrong_line: |at, line| format!("Line {at} cannot be read: {line}"),
    import: "Import",
    import_text: "Paste what a calendar program exports (.ics). Whole days become dates, times become spans.",
    ics: "iCalendar text",
    replace: "In place of the dates and spans that are there",
    delete_text: "A calendar that a job names is kept. There is no way back.",
};

pub(super) const ZH: CalendarTexts = CalendarTexts {
    title: "日历",
    one: "日历",
    used_by: "使用它的任务",
    none: "还没有日历",
    none_hint: "日历是一组命名的日期和时段。任务通过引用日历来限定或排除触发。",
    create: "创建日历",
    holds: "内容",
    counts: |[dates, weekly, spans]| {
        format!("{dates} 个日期，{weekly} 个每周时段，{spans} 个时间段")
    },
    show: "覆盖范围",
    covered: "未来 90 天内覆盖：",
    dates: "整天",
    dates_hint: "每行一个：2026-12-24 平安夜；每年重复：*-12-25 圣诞节。",
    weekly: "每周时段",
    weekly_hint: "每行一个：Sat,Sun 周末；或 Mon-Fri 22:00-06:00 夜间。",
    spans: "时间段",
    spans_hint: "每行一个：2026-11-25T22:00:00Z/2026-11-26T02:00:00Z 发布 4.2。",
    wrong_line: |at, line| format!("第 {at} 行无法识别：{line}"),
    import: "导入",
    import_text: "粘贴日历程序导出的内容（.ics）。整天变为日期，时刻变为时间段。",
    ics: "iCalendar 文本",
    replace: "替换已有的日期和时间段",
    delete_text: "被任务引用的日历不会被删除。此操作无法撤销。",
};

pub(super) const LIMITS_EN: LimitTexts = LimitTexts {
    title: "Limits",
    none: "No limit yet",
    none_hint: "A limit is a number of shards that may run at once, over all jobs that name it: what a database or an API of \
        others can take.",
    create: "Create a limit",
    most: "Most running shards",
    changed: "Changed",
    delete_text: "A limit that a job names is kept. There is no way back.",
};

pub(super) const LIMITS_ZH: LimitTexts = LimitTexts {
    title: "限制",
    none: "还没有限制",
    none_hint: "限制是引用它的所有任务同时运行的分片总数上限，例如数据库或外部接口的承受能力。",
    create: "创建限制",
    most: "最大运行分片数",
    changed: "更改时间",
    delete_text: "被任务引用的限制不会被删除。此操作无法撤销。",
};
