//! Rules of the source that the compiler does not check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use antares_tests::World;

/// Folders of source, from the root of the repository.
const FOLDERS: [&str; 9] = [
    "bench",
    "client",
    "console",
    "embedded",
    "migrations",
    "protocol",
    "server",
    "tests",
    "xtask",
];

/// Longest file that needs no reason.
const MOST_LINES: usize = 500;

/// Files that are longer, and why.
const LONG: [(&str, &str); 3] = [
    (
        "tests/src/world.rs",
        "one type, with the queries of what must always hold beside it",
    ),
    (
        "console/src/i18n/editor.rs",
        "one line a text, in both languages: every field and policy of a job",
    ),
    (
        "tests/it/shards.rs",
        "one table of cases after another, each short",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .expect("the repository is there")
}

/// Every file with this extension, from the root, with its text.
fn files(extension: &str) -> Vec<(String, String)> {
    let root = root();
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|folder| root.join(folder)).collect();
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            let is_made = path.ends_with("target") || path.ends_with("dist");
            if path.is_dir() && !is_made {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == extension) {
                let name = path
                    .strip_prefix(&root)
                    .expect("it is below the root")
                    .to_string_lossy()
                    .into_owned();
                files.push((
                    name,
                    std::fs::read_to_string(&path).expect("the file is UTF-8"),
                ));
            }
        }
    }
    files.sort();
    files
}

fn conclude(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_is_not_too_long() {
    let files = files("rs");
    assert!(files.len() > 150, "only {} files", files.len());
    let reasons: BTreeMap<&str, &str> = LONG.into();
    let mut wrong = Vec::new();
    for (name, text) in &files {
        if !text.starts_with("//! ") {
            wrong.push(format!(
                "{name} does not begin with `//!` and what it is for"
            ));
        }
        let lines = text.lines().count();
        match reasons.get(name.as_str()) {
            None if lines > MOST_LINES => wrong.push(format!(
                "{name} has {lines} lines: split it, or list it with a reason"
            )),
            _ => {}
        }
    }
    for name in reasons.keys() {
        if !files.iter().any(|(file, _)| file == name) {
            wrong.push(format!("{name} is listed as long and is not there"));
        }
    }
    conclude(&wrong);
}

#[test]
fn no_file_is_unfinished_or_knows_the_machine_it_was_written_on() {
    // In pieces: this file is read too.
    let unwanted = [
        ["to", "do!("].concat(),
        ["unimple", "mented!("].concat(),
        ["#[ig", "nore"].concat(),
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["dbg", "!("].concat(),
        ["/wo", "rk/"].concat(),
        ["/ro", "ot/"].concat(),
        ["/fa", "rm"].concat(),
        ["/ho", "me/"].concat(),
    ];
    let mut wrong = Vec::new();
    for extension in ["rs", "sql", "toml", "css", "js", "md"] {
        for (name, text) in files(extension) {
            for (number, line) in text.lines().enumerate() {
                if let Some(found) = unwanted.iter().find(|unwanted| line.contains(*unwanted)) {
                    wrong.push(format!("{name}:{} holds `{found}`", number + 1));
                }
            }
        }
    }
    conclude(&wrong);
}

/// The top module of the server that a file is part of.
fn module(name: &str) -> Option<&str> {
    let path = name.strip_prefix("server/src/")?;
    let first = path.split('/').next()?;
    Some(first.trim_end_matches(".rs"))
}

/// The modules of the server that a text names by `crate::…`.
fn named(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, found) in text.match_indices("crate::") {
        let rest = &text[at + found.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let (group, _) = group.split_once("};").unwrap_or((group, ""));
            // Only the outermost names of the group.
            let mut depth = 0;
            let mut start = 0;
            for (position, character) in group.char_indices().chain([(group.len(), ',')]) {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        names.push(group[start..position].trim());
                        start = position + 1;
                    }
                    _ => {}
                }
            }
        } else {
            names.push(rest);
        }
    }
    names
        .into_iter()
        .map(|name| {
            name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .next()
                .unwrap_or_default()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// What the modules of the server may name besides themselves. What is not listed may name everything.
const MAY_USE: [(&str, &[&str]); 5] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("pipeline", &["store", "domain", "app"]),
    (
        "engine",
        &[
            "pipeline", "store", "domain", "app", "config", "health", "reads",
        ],
    ),
    (
        "http",
        &[
            "engine", "pipeline", "store", "domain", "app", "config", "health", "reads",
        ],
    ),
];

#[test]
fn calls_go_down_only() {
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.into();
    let mut wrong = Vec::new();
    let mut seen = BTreeMap::<(String, String), usize>::new();
    let files = files("rs");
    for (name, text) in &files {
        let Some(module) = module(name) else { continue };
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let code = code.join("\n");
        for used in named(&code) {
            *seen
                .entry((module.to_owned(), used.to_owned()))
                .or_default() += 1;
            match may_use.get(module) {
                Some(allowed) if used != module && !allowed.contains(&used) => {
                    wrong.push(format!("{name} uses {used}; {module} may use {allowed:?}"));
                }
                None if used == "http" && !["lib", "boot", "app", "cli"].contains(&module) => {
                    wrong.push(format!("{name} uses http"));
                }
                _ => {}
            }
        }
        let asks_sql = code.contains("sqlx::query") && !["store"].contains(&module);
        // Probes, NOTIFY and what the demo checks: none of them is about the model.
        let probes = [
            "server/src/http/health.rs",
            "server/src/boot/database.rs",
            "server/src/engine/listener.rs",
        ];
        let excused = probes.contains(&name.as_str()) || module == "demo";
        if asks_sql && !excused {
            wrong.push(format!("{name} holds SQL; all of it belongs to store"));
        }
    }
    // The reading of `use` lines works: these are there.
    for (from, to) in [
        ("http", "engine"),
        ("http", "store"),
        ("engine", "pipeline"),
        ("pipeline", "store"),
    ] {
        let uses = seen.get(&(from.to_owned(), to.to_owned()));
        assert!(
            uses.is_some_and(|uses| *uses > 2),
            "{from} to {to}: {seen:?}"
        );
    }
    conclude(&wrong);
}

#[test]
fn the_wire_types_know_no_server() {
    let mut wrong = Vec::new();
    for (name, text) in files("toml") {
        let allowed = match name.as_str() {
            "client/Cargo.toml" | "console/Cargo.toml" => {
                vec!["antares-protocol", "antares-client-macros"]
            }
            "protocol/Cargo.toml" | "embedded/Cargo.toml" => vec![],
            _ => continue,
        };
        let dependencies = text
            .split("[dependencies]")
            .nth(1)
            .unwrap_or_default()
            .split("\n[")
            .next()
            .unwrap_or_default();
        for line in dependencies
            .lines()
            .filter(|line| line.starts_with("antares-"))
        {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !allowed.contains(&dependency) {
                wrong.push(format!("{name} depends on {dependency}"));
            }
        }
    }
    conclude(&wrong);
}

#[tokio::test]
async fn every_table_is_described() {
    let world = World::new().await;
    world.migrate().await;
    let bare: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v')
            and not relispartition and relname not like '\\_sqlx%' and obj_description(oid) is null",
    )
    .bind(world.namespace())
    .fetch_all(world.pool())
    .await
    .expect("tables can be listed");
    assert_eq!(bare, [""; 0], "tables without a comment");
    let tables = world.number(
        "select count(*) from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')",
        &[],
    );
    assert!(tables.await > 15);
    let mut wrong = Vec::new();
    for (name, text) in files("sql")
        .into_iter()
        .filter(|(name, _)| name.starts_with("migrations/"))
    {
        if !text.starts_with("-- ") {
            wrong.push(format!("{name} does not begin with what it does"));
        }
    }
    conclude(&wrong);
}
