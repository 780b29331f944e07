//! Two forms of one statement.
//!
//! PostgreSQL sets up each step of a statement whether it does anything or not, which shows where a call is about one
//! tick or one shard. So a statement may mark steps that most calls do not need. What stands between a line `--<` and a
//! line `-->` is left out of its plain form, and what follows `--plain:` on a line stands only there. Parameters decide
//! which form is right; where what is stored decides as well, the plain form itself passes over what it is not for. Both
//! forms are judged by the tests of plans.

/// What begins a line that stands in the plain form only.
const ONLY_PLAIN: &str = "--plain:";

/// The plain form of a statement.
pub fn plain(text: &str) -> String {
    let mut is_left_out = false;
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        match line.trim() {
            "--<" => is_left_out = true,
            "-->" => is_left_out = false,
            _ if is_left_out => {}
            marked => {
                plain.push_str(marked.strip_prefix(ONLY_PLAIN).unwrap_or(line));
                plain.push('\n');
            }
        }
    }
    plain
}

/// Whether a statement has a plain form.
pub fn has_plain(text: &str) -> bool {
    text.contains(ONLY_PLAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_form_leaves_out_what_is_marked() {
        let text = "select\n  --plain: 1\n  --<\n  f(2)\n  -->\nfrom t -- kept\n";
        assert!(has_plain(text));
        assert_eq!(plain(text), "select\n 1\nfrom t -- kept\n");
        assert_eq!(plain("select 1\n"), "select 1\n");
        assert!(!has_plain("select 1\n"));
    }
}
