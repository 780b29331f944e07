//! What is wrong with a plan that was explained and analysed.

use serde_json::Value;

/// Tables that may be read as a whole.
const TINY: [(&str, &str); 2] = [
    ("bucket_lease", "256 rows, ever"),
    ("server", "a row for each replica of the last days"),
];

/// How much a statement may read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// How many rows the statement is about: those it is asked for or about, or those it answers.
    pub(crate) batch: i64,
    /// Buffers that it may touch for each of them.
    pub(crate) buffers: i64,
    /// A table that is scanned as a whole, or in the order of an index and mostly passed over, on purpose.
    pub(crate) walks: Option<&'static str>,
}

impl Bound {
    /// What is wrong with the answer of `explain (analyze, buffers, format json)`.
    pub(crate) fn complaints(&self, explained: &Value) -> Vec<String> {
        let plan = &explained[0]["Plan"];
        let mut found = Vec::new();
        self.look(plan, &mut found);
        let buffers = number(plan, "Shared Hit Blocks") + number(plan, "Shared Read Blocks");
        // Some for the upper pages of the indexes, whatever the size of the batch.
        let most = self.batch * self.buffers + 200;
        if buffers > most {
            found.push(format!("{buffers} buffers, {most} are allowed"));
        }
        found
    }

    fn look(&self, node: &Value, found: &mut Vec<String>) {
        let kind = text(node, "Node Type");
        let table = text(node, "Relation Name");
        let tiny = TINY.iter().any(|(name, _)| *name == table);
        let walked = self.walks == Some(table);
        let loops = number(node, "Actual Loops");
        let mut complain = |what: String| {
            found.push(format!("{} {}: {what}", kind, name(node)));
        };
        if kind == "Seq Scan" && !tiny && !walked {
            complain("reads the table as a whole".to_owned());
        }
        let rows = number(node, "Actual Rows") * loops;
        // A batch may be sorted, for the order of locks; what is stored may not.
        if kind.ends_with("Sort") {
            if rows > 2 * self.batch {
                complain(format!("sorts {rows} rows"));
            }
            if node["Sort Space Type"] == "Disk" {
                complain("sorts on disk".to_owned());
            }
        }
        // Several shards or values for each row of the batch, but never the batch times itself.
        if rows > 10 * self.batch.max(10) {
            complain(format!("yields {rows} rows"));
        }
        for removed in [
            "Rows Removed by Filter",
            "Rows Removed by Index Recheck",
            "Rows Removed by Join Filter",
        ] {
            let rows = number(node, removed) * loops;
            if rows > 2 * self.batch && !tiny && !walked {
                complain(format!("{removed}: {rows}"));
            }
        }
        for child in node["Plans"].as_array().into_iter().flatten() {
            self.look(child, found);
        }
    }
}

/// What a node is about: its index and table, or the common table expression.
fn name(node: &Value) -> String {
    ["Index Name", "Relation Name", "CTE Name", "Subplan Name"]
        .iter()
        .map(|key| text(node, key))
        .filter(|name| !name.is_empty())
        .collect::<Vec<_>>()
        .join(" on ")
}

fn text<'a>(node: &'a Value, key: &str) -> &'a str {
    node[key].as_str().unwrap_or_default()
}

fn number(node: &Value, key: &str) -> i64 {
    node[key].as_f64().unwrap_or_default() as i64
}
