//! Hot statements read what they are about, whatever else there is and whatever the planner knew.
//!
//! Each is explained and analysed in a namespace with 1,000,000 shards that wait, 1,000,000 that are delayed
//! and 1,000,000 dead tuples that a snapshot keeps, and the plan is judged by [`plan::Bound`].

mod cases;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::path::Path;

use antares_server::store::{form, pool};
use antares_tests::World;
use cases::{CASES, Case};
use plan::Bound;
use serde_json::Value;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, Row as _};

const DAYS: &str = include_str!("plans/days.sql");
const FILL: &str = include_str!("plans/fill.sql");
const KILL: &str =
    "delete from shard_ready where attempt = 9; delete from shard_running where attempt = 9";

/// Text of the hot statements by the names of their files, and of their plain forms, as `claim_plain`.
fn statements() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/store/sql");
    let files = std::fs::read_dir(folder).expect("the folder of statements can be read");
    files
        .flat_map(|file| {
            let path = file.expect("the folder of statements can be read").path();
            let name = path.file_stem().expect("a file has a name");
            let text = std::fs::read_to_string(&path).expect("a statement can be read");
            let name = name.to_string_lossy();
            let plain =
                form::has_plain(&text).then(|| (format!("{name}_plain"), form::plain(&text)));
            iter::once((name.into_owned(), text)).chain(plain)
        })
        .collect()
}

/// A connection that has prepared the hot statements, as those of a server have.
async fn prepared(world: &World) -> PoolConnection<Postgres> {
    let options = pool::connect_options(world.database().url(), world.namespace(), "plans")
        .expect("the database's address can be read");
    let mut conn = pool::hot_pool(options, 1)
        .acquire()
        .await
        .expect("a connection opens");
    for (name, text) in statements() {
        run(&mut conn, &format!("prepare {name} as {text}")).await;
    }
    conn
}

/// Has every statement planned; the plans are kept until statistics or tables change.
async fn plan_all(conn: &mut PgConnection) {
    let plans: Vec<String> = sqlx::query_scalar(
        "select 'explain execute ' || name || replace(
            '(' || array_to_string(array_fill('null'::text, array[cardinality(parameter_types)]), ', ') || ')', '()', '')
         from pg_prepared_statements where name = any ($1)",
    )
    .bind(statements().into_keys().collect::<Vec<_>>())
    .fetch_all(&mut *conn)
    .await
    .expect("prepared statements can be listed");
    for plan in plans {
        run(conn, &plan).await;
    }
}

async fn run(conn: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(conn)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Executes a prepared statement with what `parameters` selects, in a transaction that is rolled back.
/// Answers its plan; an error if that takes too long.
async fn explain(conn: &mut PgConnection, file: &str, parameters: &str) -> sqlx::Result<Value> {
    let row: PgRow = sqlx::raw_sql(AssertSqlSafe(parameters))
        .fetch_one(&mut *conn)
        .await
        .unwrap_or_else(|error| panic!("{parameters}: {error}"));
    let values: Vec<String> = (0..row.len())
        .map(|at| {
            let value = row.try_get_raw(at).expect("the column is there");
            let value = value.as_str().expect("simple queries answer text");
            format!("'{}'", value.replace('\'', "''"))
        })
        .collect();
    let values = match values.as_slice() {
        [] => String::new(),
        values => format!("({})", values.join(", ")),
    };
    let mut tx = conn.begin().await?;
    run(&mut tx, "set local statement_timeout = '10s'").await;
    let sql = format!("explain (analyze, buffers, timing off, format json) execute {file}{values}");
    let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(&mut *tx).await;
    tx.rollback().await?;
    let text = row?.try_get_raw(0)?.as_str().map(str::to_owned);
    Ok(serde_json::from_str(&text.map_err(sqlx::Error::Decode)?).expect("a plan is JSON"))
}

/// What is wrong with the plans of the hot statements, where the planner knew what `known` says.
async fn judge(conn: &mut PgConnection, known: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for Case {
        file,
        parameters,
        bound,
    } in &CASES
    {
        let complaints = match explain(conn, file, parameters).await {
            Ok(plan) => {
                let complaints = bound.complaints(&plan);
                if !complaints.is_empty() {
                    eprintln!("{file}, {known}: {plan:#}");
                }
                complaints
            }
            Err(error) => vec![error.to_string()],
        };
        wrong.extend(
            complaints
                .iter()
                .map(|what| format!("{file}, {known}: {what}")),
        );
    }
    wrong
}

#[tokio::test]
async fn hot_statements_read_what_they_are_about_whatever_the_planner_knew() {
    let world = World::with_own_postgres().await;
    world.migrate().await;
    world.execute(DAYS).await;
    // Statistics change when this test says so, and dead tuples stay.
    world.execute("alter system set autovacuum = off").await;
    world.execute("select pg_reload_conf()").await;
    world.execute("analyze").await;
    let mut old = prepared(&world).await;
    plan_all(&mut old).await;

    world.execute(FILL).await;
    let mut reader = world.pool().begin().await.expect("a transaction begins");
    run(
        &mut reader,
        "set transaction isolation level repeatable read; select from app",
    )
    .await;
    world.execute(KILL).await;

    let mut wrong = judge(&mut old, "planned when the tables were empty").await;
    let mut new = prepared(&world).await;
    wrong.extend(judge(&mut new, "with the statistics of empty tables").await);
    // The dead are there, and whoever looks from the start has to pass them.
    let bound = Bound {
        batch: 1,
        buffers: 100_000,
        walks: None,
    };
    let from_the_start = "select array[uuid(lpad('1', 32, '0'))], array[1], array[1], array[0], array[0], array[0], array[1], 10000, 6666, '{}'::integer[], '{}'::text[]";
    let plan = explain(&mut new, "claim", from_the_start)
        .await
        .expect("it is executed");
    assert!(
        !bound.complaints(&plan).is_empty(),
        "no dead tuples: {plan:#}"
    );
    world.execute("analyze").await;
    wrong.extend(judge(&mut new, "with the statistics of full tables").await);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    reader.rollback().await.expect("a transaction ends");
}

#[test]
fn every_hot_statement_has_a_plan_that_is_judged() {
    let judged: BTreeSet<&str> = CASES.iter().map(|case| case.file).collect();
    let statements = statements();
    assert_eq!(judged, statements.keys().map(String::as_str).collect());
}
