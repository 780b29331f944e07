//! PgBouncer before PostgreSQL: what a replica refuses, and what works.

use std::process::Command;

use antares_server::store::{pool, read};
use antares_tests::{BOUND, PgBouncer, Process, Server, Work, World, wait_until};
use futures_util::future::join_all;
use reqwest::Method;
use sqlx::{Connection, PgConnection, Row};

/// Lets PgBouncer drop what a replica asks PostgreSQL for when it connects.
const DROPPED: &str = "ignore_startup_parameters = options, extra_float_digits";

/// Starts a replica through `pooler`, and returns the line with which it stops.
async fn refusal(world: &World, pooler: &PgBouncer, command: &str) -> String {
    let mut start = Command::new(env!("CARGO_BIN_EXE_antares-server-under-test"));
    start
        .args([command, "--database-url", pooler.url()])
        .args(["--namespace", world.namespace()]);
    if command == "run" {
        start.args(["--listen", "127.0.0.1:0"]);
    }
    let mut process = Process::spawn(command, start);
    let status = process.ended(BOUND).await;
    assert_eq!(status.code(), Some(1), "{:?}", process.log());
    let errors: Vec<String> = process
        .log()
        .into_iter()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{:?}", process.log());
    errors[0].clone()
}

#[track_caller]
fn assert_names_the_remedy(line: &str) {
    for text in [
        "error: database-url: ",
        "pooler",
        "give the direct address",
        "--read-database-url",
    ] {
        assert!(line.contains(text), "`{text}` is not in: {line}");
    }
}

/// Lets the database itself give every connection what a replica asks for, so that a pooler that drops the
/// wishes seems to fulfil them.
async fn set_by_role(world: &World) {
    for (name, value) in [
        ("search_path", world.namespace()),
        ("timezone", "UTC"),
        ("lock_timeout", "10s"),
        ("statement_timeout", "1min"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("default_transaction_isolation", "read committed"),
    ] {
        world
            .execute(&format!("alter role postgres set {name} = '{value}'"))
            .await;
    }
}

#[tokio::test]
async fn a_pooler_that_refuses_or_drops_the_settings_stops_the_start() {
    let world = World::with_own_postgres().await;
    for mode in ["transaction", "statement", "session"] {
        let pooler = PgBouncer::start(world.database(), mode, "").await;
        assert_names_the_remedy(&refusal(&world, &pooler, "run").await);
        assert_names_the_remedy(&refusal(&world, &pooler, "migrate").await);
        let pooler = PgBouncer::start(world.database(), mode, DROPPED).await;
        assert_names_the_remedy(&refusal(&world, &pooler, "run").await);
    }
    let schemas = world
        .number(
            "select count(*) from pg_namespace where nspname = current_schema()",
            &[],
        )
        .await;
    assert_eq!(schemas, 0, "a refused start has changed the database");
}

#[tokio::test]
async fn a_pooler_that_lends_sessions_to_others_stops_the_start() {
    let world = World::with_own_postgres().await;
    set_by_role(&world).await;
    for (mode, lending) in [
        ("statement", ""),
        ("transaction", ""),
        ("transaction", "default_pool_size = 1"),
        ("transaction", "server_round_robin = 1"),
    ] {
        let settings = format!("{DROPPED}\n{lending}");
        let pooler = PgBouncer::start(world.database(), mode, &settings).await;
        if lending.contains("round_robin") {
            // As many sessions as seem to be the replica's own if each is asked for once.
            let (mut a, mut b) = (connect(pooler.url()).await, connect(pooler.url()).await);
            let (a, b) = (a.begin().await, b.begin().await);
            a.expect("a transaction begins")
                .rollback()
                .await
                .expect("it ends");
            b.expect("a transaction begins")
                .rollback()
                .await
                .expect("it ends");
        }
        // Again, with the sessions that the starts before have left.
        for _ in 0..3 {
            assert_names_the_remedy(&refusal(&world, &pooler, "run").await);
        }
    }
}

#[tokio::test]
async fn a_pooler_that_keeps_a_session_to_its_connection_works() {
    let world = World::with_own_postgres().await;
    set_by_role(&world).await;
    let pooler = PgBouncer::start(world.database(), "session", DROPPED).await;
    let servers: [Server; 2] = world.servers_with(&["--database-url", pooler.url()]).await;
    let [a, b] = &servers;
    let app = world.app(a, "shop").await;
    let job = app.job("work", |spec| spec.shard_count = 4).await;
    let client = world.client(&app, &[a, b]).start().await;
    let instance = job.trigger_with(&Work::default()).await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 4, 0, 0));
    world.assert_nothing_left().await;
    drop(client);
}

#[tokio::test]
async fn lists_are_read_through_a_pooler() {
    let world = World::new().await;
    // Five sessions are needed where each connection keeps one. With fewer, lists come from the primary.
    for (mode, sessions, rounds) in [("transaction", 3, 5), ("session", 5, 5), ("session", 2, 1)] {
        let settings = format!("default_pool_size = {sessions}");
        let mut pooler = PgBouncer::start(world.database(), mode, &settings).await;
        let server = world
            .server()
            .arguments(&["--read-database-url", pooler.url()])
            .start()
            .await;
        usable(&server, 1).await;
        let app = world.app(&server, &format!("{mode}{sessions}")).await;
        app.job("work", |_| {}).await;
        // Several at a time, so that sessions change hands.
        for _ in 0..rounds {
            let lists = join_all(
                ["jobs", "apps", "instances", "servers", "clients"]
                    .map(|list| list_of(&server, list)),
            )
            .await;
            assert!(lists[0].contains("\"work\""), "{lists:?}");
            assert!(lists[1].contains(mode), "{lists:?}");
        }
        let (status, body) = server.admin().readyz().await.expect("it answers");
        assert_eq!((status, &body["notices"]), (200, &serde_json::json!({})));
        let lent = world
            .number(
                "select count(*) from pg_stat_activity where application_name like 'antares-server reads %'
                 and datname = current_database()",
                &[],
            )
            .await;
        assert!(lent > 0, "nobody read through the pooler");
        // What hangs holds no list up for longer than it takes to find out.
        pooler.process.hang();
        assert!(list_of(&server, "jobs").await.contains("\"work\""));
        usable(&server, 0).await;
        pooler.process.go_on();
        usable(&server, 1).await;
        pooler.process.kill();
        usable(&server, 0).await;
        assert!(list_of(&server, "jobs").await.contains("\"work\""));
    }
}

#[tokio::test]
async fn a_list_under_way_is_read_elsewhere_when_its_database_hangs_or_dies() {
    let world = World::new().await;
    for is_killed in [false, true] {
        let mut pooler = PgBouncer::start(world.database(), "transaction", "").await;
        let server = world
            .server()
            .arguments(&["--read-database-url", pooler.url()])
            .start()
            .await;
        usable(&server, 1).await;
        let mut tx = world.pool().begin().await.expect("a transaction begins");
        sqlx::query("lock table app")
            .execute(&mut *tx)
            .await
            .expect("the table is locked");
        let waits = async {
            reading(&world, "wait_event_type = 'Lock'").await;
            if is_killed {
                pooler.process.kill();
            } else {
                pooler.process.hang();
                usable(&server, 0).await;
            }
            tx.rollback().await.expect("the table is unlocked");
        };
        let (list, ()) = tokio::join!(list_of(&server, "apps"), waits);
        assert!(list.contains("items"), "{list}");
        if !is_killed {
            pooler.process.go_on();
            usable(&server, 1).await;
            list_of(&server, "apps").await;
        }
    }
}

/// Waits until a connection for lists is in such a state.
async fn reading(world: &World, state: &str) {
    let sql = format!(
        "select count(*) from pg_stat_activity
         where application_name like 'antares-server reads %' and {state}"
    );
    wait_until(&sql, BOUND, async || {
        let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.as_str()))
            .fetch_one(world.pool())
            .await
            .expect("the activity can be read");
        if found > 0 { Ok(()) } else { Err(found) }
    })
    .await;
}

#[tokio::test]
async fn a_read_changes_nothing_and_leaves_nothing_in_the_session() {
    let world = World::new().await;
    world.migrate().await;
    let options = pool::read_options(world.database().url(), "antares-tests reads")
        .expect("the address can be read");
    let mut conn = PgConnection::connect_with(&options)
        .await
        .expect("PostgreSQL takes connections");
    let beginning = read::beginning(world.namespace());
    read::on(&mut conn, beginning.clone(), &(), |conn, ()| {
        Box::pin(read::standing(conn))
    })
    .await
    .expect("the namespace can be read");
    let left: i64 = sqlx::raw_sql("select count(*) from pg_prepared_statements")
        .fetch_one(&mut conn)
        .await
        .and_then(|row| row.try_get(0))
        .expect("the session can be asked");
    assert_eq!(left, 0, "statements are left");
    let refused = read::on(&mut conn, beginning, &(), |conn, ()| {
        Box::pin(async {
            let done = sqlx::query("delete from app").execute(conn).await?;
            Ok(done.rows_affected())
        })
    })
    .await
    .expect_err("nothing can be written");
    let code = refused
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    assert_eq!(code.as_deref(), Some("25006"), "{refused}");
}

#[tokio::test]
async fn a_pooler_that_cannot_hold_a_transaction_is_not_read_from() {
    let world = World::new().await;
    let pooler = PgBouncer::start(world.database(), "statement", "").await;
    let mut server = world
        .server()
        .arguments(&["--read-database-url", pooler.url()])
        .start()
        .await;
    let line = server.process.line("read-database-url: ").await;
    assert!(line.contains("transaction or session mode"), "{line}");
    list_of(&server, "jobs").await;
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url)
        .await
        .expect("the pooler takes connections")
}

async fn list_of(server: &Server, list: &str) -> String {
    let path = format!("/api/v1/{list}");
    let (status, body) = server.admin().call(Method::GET, &path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body.to_string()
}

async fn usable(server: &Server, expected: u64) {
    wait_until("the read database is used or not", BOUND, async || {
        let seen = server.metric("antares_read_database_usable").await;
        if seen == expected { Ok(()) } else { Err(seen) }
    })
    .await;
}
