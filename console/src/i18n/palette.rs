//! Texts of the command palette.

/// Texts of the palette.
pub(crate) struct PaletteTexts {
    pub(crate) title: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) placeholder: &'static str,
    pub(crate) keys: &'static str,
}

pub(super) const EN: PaletteTexts = PaletteTexts {
    title: "Go to",
    hint: "Any page, job or instance (Ctrl K)",
    placeholder: "Name of a page or of a job, or number of an instance",
    keys: "Ctrl K or ? opens this, / goes to the filters, g and a letter to a page, Esc closes.",
};

pub(super) const ZH: PaletteTexts = PaletteTexts {
    title: "前往",
    hint: "任意页面、任务或实例（Ctrl K）",
    placeholder: "页面或任务的名称，或实例编号",
    keys: "Ctrl K 或 ? 打开此面板，/ 跳到筛选，g 加字母前往页面，Esc 关闭。",
};
