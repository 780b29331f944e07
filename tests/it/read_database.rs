//! Lists and history from a standby: how old they may be, and what happens when it is away.

use std::time::Duration;

use antares_protocol::job::Job;
use antares_protocol::page::Page;
use antares_tests::{BOUND, Server, Standby, World, wait_until};
use serde_json::Value;
use sqlx::{Connection, PgConnection};

/// A standby that replays again, or starts again, is looked at within seconds; the machine may be busy.
const LONG: Duration = Duration::from_mins(1);

async fn usable(server: &Server, expected: u64) {
    wait_until("the read database is used or not", LONG, async || {
        let seen = server.metric("antares_read_database_usable").await;
        if seen == expected { Ok(()) } else { Err(seen) }
    })
    .await;
}

async fn names(server: &Server) -> Vec<String> {
    let page: Page<Job> = server.admin().get("/api/v1/jobs?limit=500").await;
    page.items.into_iter().map(|job| job.spec.name).collect()
}

/// What `/readyz` says of the read database of a replica that is ready all the same.
async fn notice(server: &Server) -> String {
    wait_until("there is a notice", LONG, async || {
        let answer = server.admin().readyz().await;
        let Some((status, body)) = answer else {
            return Err(Value::Null);
        };
        assert_eq!(status, 200, "{body}");
        match body["notices"]["read-database-url"].as_str() {
            Some(notice) => Ok(notice.to_owned()),
            None => Err(body),
        }
    })
    .await
}

#[tokio::test]
async fn lists_come_from_the_standby_and_what_was_just_written_from_the_primary() {
    let world = World::with_own_postgres().await;
    let standby = Standby::of(world.database()).await;
    let server = world
        .server()
        .arguments(&["--read-database-url", standby.url()])
        // Half of it is how far a standby may be behind.
        .arguments(&["--failover-wait", "20s"])
        .start()
        .await;
    usable(&server, 1).await;
    let app = world.app(&server, "shop").await;
    app.job("first", |_| {}).await;
    wait_until("the standby has the job", BOUND, async || {
        let names = names(&server).await;
        if names == ["first"] {
            Ok(())
        } else {
            Err(names)
        }
    })
    .await;
    let readers = standby
        .ask(
            "select count(*)::text from pg_stat_activity
             where application_name like 'antares-server reads %'",
        )
        .await;
    assert!(
        matches!(readers.as_str(), "2" | "3" | "4" | "5"),
        "{readers} connections"
    );
    let own: i64 = world
        .number(
            "select count(*) from pg_stat_activity where application_name like 'antares-server %'",
            &[],
        )
        .await;
    assert!(own <= 4, "{own} connections to the primary");

    standby.pause().await;
    let second = app.job("second", |_| {}).await;
    assert_eq!(second.view().await.spec.name, "second");
    assert_eq!(names(&server).await, ["first"], "not from the standby");
    // Nobody sees an old list for longer than that.
    let notice = notice(&server).await;
    assert!(notice.contains("behind"), "{notice}");
    assert_eq!(names(&server).await, ["first", "second"]);
    standby.resume().await;
    usable(&server, 1).await;
    let (_, body) = server.admin().readyz().await.expect("it answers");
    assert_eq!(body["notices"], serde_json::json!({}));
    assert_eq!(names(&server).await, ["first", "second"]);
}

#[tokio::test]
async fn firing_and_lists_go_on_when_the_standby_is_killed() {
    let world = World::with_own_postgres().await;
    let mut standby = Standby::of(world.database()).await;
    let mut server = world
        .server()
        .arguments(&["--read-database-url", standby.url()])
        .start()
        .await;
    usable(&server, 1).await;
    world.spread(&[&server]).await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("tick", |spec| spec.cron = Some("* * * * * ?".to_owned()))
        .await;
    let decided = async || {
        world
            .number("select coalesce(sum(count), 0)::bigint from tick", &[])
            .await
    };
    wait_until("the job fires", BOUND, async || {
        let seen = decided().await;
        if seen > 0 { Ok(()) } else { Err(seen) }
    })
    .await;
    standby.kill();
    let before = decided().await;
    // At once, and not only when the replica has found out.
    assert_eq!(names(&server).await, ["tick"]);
    let said = notice(&server).await;
    assert!(said.contains("see whether it runs"), "{said}");
    server.process.line("WARN").await;
    assert_eq!(names(&server).await, ["tick"]);
    wait_until("the job fires on", BOUND, async || {
        let seen = decided().await;
        if seen >= before + 2 {
            Ok(())
        } else {
            Err(seen)
        }
    })
    .await;
    standby.restart().await;
    usable(&server, 1).await;
    wait_until("lists come from it again", BOUND, async || {
        let names = names(&server).await;
        if names == ["tick"] {
            Ok(())
        } else {
            Err(names)
        }
    })
    .await;
    job.act("pause").await;
    world.assert_ticks_exact(&job).await;
}

#[tokio::test]
async fn a_read_database_that_cannot_be_used_is_named_with_its_remedy() {
    let world = World::new().await;
    let url = world.database().url();
    let (credentials, place) = url.rsplit_once('@').expect("the address has a user");
    let (user, _) = credentials
        .rsplit_once(':')
        .expect("the user has a password");
    let (place, _) = place.split_once('/').expect("the address has a database");
    // Another installation of the same name.
    let other = format!("{}_other", world.namespace());
    world.execute(&format!("create database {other}")).await;
    let elsewhere = format!("{credentials}@{place}/{other}");
    let migrate = std::process::Command::new(env!("CARGO_BIN_EXE_antares-server-under-test"))
        .args(["migrate", "--database-url", &elsewhere])
        .args(["--namespace", world.namespace()])
        .output()
        .expect("the command runs");
    assert!(migrate.status.success(), "{migrate:?}");
    for (read, named) in [
        (
            format!("{user}:wrong@{place}/postgres"),
            "check user and password in --read-database-url",
        ),
        (
            format!("{credentials}@{place}/missing"),
            "name a database in --read-database-url that is there",
        ),
        (
            format!("{credentials}@{place}/template1"),
            "the namespace is not there: name a standby of --database-url",
        ),
        (elsewhere.clone(), "it holds another installation"),
        (
            "postgres://nobody:nothing@127.0.0.1:1/nothing".to_owned(),
            "see whether it runs and can be reached",
        ),
    ] {
        let mut server = world
            .server()
            .arguments(&["--read-database-url", &read])
            .start()
            .await;
        let said = notice(&server).await;
        assert!(said.contains(named), "{said}");
        let line = server.process.line("read-database-url: ").await;
        assert!(line.contains("WARN") && line.contains(named), "{line}");
        assert!(!line.contains("wrong@"), "{line}");
        assert_eq!(names(&server).await, Vec::<String>::new());
    }
    // A copy that is behind a release.
    let mut conn = PgConnection::connect(&elsewhere)
        .await
        .expect("it is there");
    let namespace = world.namespace();
    let installed: String =
        sqlx::query_scalar("select min(installed_on)::text from _sqlx_migrations")
            .fetch_one(world.pool())
            .await
            .expect("migrations can be read");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "set search_path = {namespace};
         delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations);
         update _sqlx_migrations set installed_on = '{installed}'"
    )))
    .execute(&mut conn)
    .await
    .expect("the copy is made to look old");
    let server = world
        .server()
        .arguments(&["--read-database-url", &elsewhere])
        .start()
        .await;
    let said = notice(&server).await;
    assert!(said.contains("is needed"), "{said}");
    drop(server);
    conn.close().await.expect("it closes");
    world
        .execute(&format!("drop database {other} with (force)"))
        .await;
}
