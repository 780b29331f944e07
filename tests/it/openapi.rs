//! The OpenAPI document: kept in the repository as the server makes it, and complete.

use std::process::Command;

use antares_protocol::job::JobSpec;
use antares_protocol::policy::Retry;
use antares_protocol::schedule::{CalendarSpec, Misfire, Overlap};
use serde_json::Value;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
const SCHEDULING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scheduling.md");

fn generated() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_antares-server-under-test"))
        .arg("openapi")
        .output();
    let output = output.expect("the server runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the document is UTF-8")
}

#[test]
fn the_document_in_the_repository_is_the_one_of_the_code() {
    let kept = std::fs::read_to_string(KEPT).expect("docs/openapi.json is there");
    let generated = generated();
    let differing = kept
        .lines()
        .zip(generated.lines())
        .position(|(kept, generated)| kept != generated);
    assert!(
        kept == generated,
        "docs/openapi.json differs from the code, first at line {}; if the change of the API is meant, type\n    \
         cargo run -p antares-server -- openapi > docs/openapi.json",
        differing.map_or(
            kept.lines().count().min(generated.lines().count()) + 1,
            |line| line + 1
        )
    );
}

#[test]
fn every_operation_is_described_secured_and_has_a_problem() {
    let document: Value = serde_json::from_str(&generated()).expect("the document is JSON");
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .expect("schemes are declared");
    let mut wrong = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("there are paths") {
        for (method, operation) in methods.as_object().expect("a path has methods") {
            let name = format!("{method} {path}");
            let mut check = |is_right: bool, what: &str| {
                if !is_right {
                    wrong.push(format!("{name} {what}"));
                }
            };
            check(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| text.len() > 3),
                "has no summary",
            );
            let id = operation["operationId"].as_str().unwrap_or_default();
            // Names of methods in generated clients.
            check(
                ids.insert(format!("{}/{id}", operation["tags"][0])),
                "has the id of another of its tag",
            );
            check(
                operation["tags"]
                    .as_array()
                    .is_some_and(|tags| tags.len() == 1),
                "has no tag",
            );
            let good = operation["responses"]
                .as_object()
                .expect("responses")
                .keys()
                .any(|status| status.starts_with('2'));
            check(good, "declares no success");
            if operation["tags"][0] == "health" {
                continue;
            }
            let problem = &operation["responses"]["4XX"]["content"];
            let schema = problem
                .as_object()
                .and_then(|content| content.values().next())
                .map(|media| &media["schema"]["$ref"]);
            check(
                schema.is_some_and(|schema| *schema == "#/components/schemas/Problem"),
                "declares no 4XX problem",
            );
            check(
                problem.get("application/problem+json").is_some(),
                "declares its problem as another media type",
            );
            let security = operation["security"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let known = security
                .iter()
                .filter_map(Value::as_object)
                .flat_map(|scheme| scheme.keys())
                .all(|key| schemes.contains_key(key));
            check(known, "is secured by a scheme that is not declared");
            let expected: &[&str] = match path.as_str() {
                "/api/v1/login" => &[],
                // Without a session there is nothing to end.
                "/api/v1/logout" => &["session"],
                path if path.starts_with("/client/") => &["app"],
                _ => &["session", "user"],
            };
            let declared: Vec<&str> = security
                .iter()
                .filter_map(Value::as_object)
                .flat_map(|scheme| scheme.keys())
                .map(String::as_str)
                .collect();
            check(declared == expected, "is secured otherwise");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let described = parameter["in"] == "path" || parameter["description"].is_string();
                check(
                    described,
                    &format!("does not describe {}", parameter["name"]),
                );
            }
        }
    }
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .expect("schemas are declared")
    {
        for (property, what) in schema["properties"].as_object().into_iter().flatten() {
            let alternatives = what["oneOf"].as_array().into_iter().flatten();
            let mut described = alternatives.chain([what]).map(|what| &what["description"]);
            if what.get("$ref").is_none() && !described.any(Value::is_string) {
                wrong.push(format!("{name}.{property} is not described"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_field_of_a_definition_is_in_the_table_and_every_example_can_be_used() {
    let text = std::fs::read_to_string(SCHEDULING).expect("docs/scheduling.md is there");
    let document: Value = serde_json::from_str(&generated()).expect("the document is JSON");
    let fields = document["components"]["schemas"]["JobSpec"]["properties"]
        .as_object()
        .expect("the document has the definition of jobs");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for field in fields.keys() {
        let named = format!("`{field}`");
        let is_there = rows.iter().any(|row| {
            row.split('|')
                .nth(1)
                .is_some_and(|cell| cell.contains(&named))
        });
        assert!(
            is_there,
            "{field} is not in the table of docs/scheduling.md"
        );
    }
    for example in text.split("```json\n").skip(1) {
        let example = example.split("```").next().unwrap();
        let value: Value = serde_json::from_str(example).expect(example);
        if value.get("weekly").is_some() {
            serde_json::from_value::<CalendarSpec>(value).expect(example);
        } else {
            serde_json::from_value::<JobSpec>(value).expect(example);
        }
    }
    // Policies as the tables write them.
    for policy in text.split("\n| `{").skip(1) {
        let policy = format!("{{{}", policy.split("` |").next().unwrap());
        let is_one = serde_json::from_str::<Misfire>(&policy).is_ok()
            || serde_json::from_str::<Overlap>(&policy).is_ok()
            || serde_json::from_str::<Retry>(&policy).is_ok();
        assert!(is_one, "{policy} is no policy");
    }
}
