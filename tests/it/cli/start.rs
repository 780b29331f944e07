//! Databases and ports that cannot be used, migrations, and health checks.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Output;

use antares_tests::World;
use serde_json::Value;

use super::{NOWHERE, assert_refused, command, run, stderr, stdout};

/// Checks that a start stopped: the last line says why, and what came before is the log.
#[track_caller]
fn assert_stopped(output: &Output, named: &[&str]) {
    let text = stderr(output);
    assert_eq!(
        (output.status.code(), stdout(output).as_str()),
        (Some(1), ""),
        "{text}"
    );
    let errors: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(
        (errors.len(), text.lines().last()),
        (1, errors.first().copied()),
        "one line at the end: {text}"
    );
    for text in named {
        assert!(
            errors[0].contains(text),
            "`{text}` is not named in: {}",
            errors[0]
        );
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_used_stops_the_start() {
    let world = World::new().await;
    let url = world.database().url();
    let (credentials, place) = url.rsplit_once('@').expect("the address has a user");
    let (user, _) = credentials
        .rsplit_once(':')
        .expect("the user has a password");
    let (place, _) = place.split_once('/').expect("the address has a database");
    let wrong_password = format!("{user}:wrong@{place}/postgres");
    let missing = format!("{credentials}@{place}/missing");
    let role = format!("{}_reader", world.namespace());
    world
        .execute(&format!("create role {role} login password 'secret'"))
        .await;
    let reader = format!("postgres://{role}:secret@{place}/postgres");
    for (url, named) in [
        (&wrong_password, "check user and password"),
        (&missing, "create the database"),
        (&reader, "let the user create schemas"),
    ] {
        let namespace = format!("{}_none", world.namespace());
        let arguments = ["--database-url", url, "--namespace", &namespace];
        assert_stopped(
            &run(&[&["migrate"], &arguments[..]].concat()),
            &["database-url", named],
        );
        let start = [&["run", "--listen", "127.0.0.1:0"], &arguments[..]].concat();
        assert_stopped(&run(&start), &["database-url", named]);
    }
    world.execute(&format!("drop role {role}")).await;
}

#[test]
fn a_database_that_is_too_old_stops_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let old = std::thread::spawn(move || {
        for _ in 0..2 {
            let (stream, _) = listener.accept().expect("the server connects");
            // Its end is the client's hanging up.
            let _ = answer_as_postgres_13(stream);
        }
    });
    let url = format!("postgres://user@{address}/database?sslmode=disable");
    let named = ["database-url", "PostgreSQL 13 is too old", "14"];
    assert_stopped(&run(&["migrate", "--database-url", &url]), &named);
    assert_stopped(
        &run(&["run", "--listen", "127.0.0.1:0", "--database-url", &url]),
        &named,
    );
    old.join().expect("it answered twice");
}

/// Speaks as much of PostgreSQL's protocol as it takes to be asked for a number, which is 130012.
fn answer_as_postgres_13(mut stream: TcpStream) -> std::io::Result<()> {
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() + 4) as u32;
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut startup)?;
    let ready = message(b'Z', b"I");
    stream.write_all(&[message(b'R', &[0; 4]), ready.clone()].concat())?;
    // One column of type int4: name, table, column, type, size, modifier, binary.
    let column = [
        &b"\0\x01v\0"[..],
        &[0; 6],
        &23_u32.to_be_bytes(),
        &[0, 4, 0xff, 0xff, 0xff, 0xff, 0, 1],
    ]
    .concat();
    let row = [&[0, 1, 0, 0, 0, 4][..], &130_012_i32.to_be_bytes()].concat();
    loop {
        let mut header = [0; 5];
        stream.read_exact(&mut header)?;
        let [kind, length @ ..] = header;
        let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
        stream.read_exact(&mut body)?;
        let reply = match kind {
            b'P' => message(b'1', b""),
            b'D' => [message(b't', &[0, 0]), message(b'T', &column)].concat(),
            b'B' => message(b'2', b""),
            b'E' => [message(b'D', &row), message(b'C', b"SELECT 1\0")].concat(),
            b'C' => message(b'3', b""),
            b'Q' => [message(b'C', b"SET\0"), ready.clone()].concat(),
            b'S' => ready.clone(),
            b'X' => return Ok(()),
            _ => Vec::new(),
        };
        stream.write_all(&reply)?;
    }
}

#[test]
fn a_port_that_is_taken_stops_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener
        .local_addr()
        .expect("it has an address")
        .to_string();
    let stopped = run(&["run", "--database-url", NOWHERE, "--listen", &address]);
    assert_stopped(&stopped, &["listen", &address, "--listen"]);
}

#[tokio::test]
async fn migrations_run_alone_again_and_together() {
    let world = World::new().await;
    let namespace = world.namespace();
    let migrate = [
        "migrate",
        "--database-url",
        world.database().url(),
        "--namespace",
        namespace,
    ];
    std::thread::scope(|scope| {
        let together: Vec<_> = (0..4).map(|_| scope.spawn(|| run(&migrate))).collect();
        for output in together {
            let output = output.join().expect("the command is run");
            assert_eq!(
                stdout(&output),
                "the schema is up to date\n",
                "{}",
                stderr(&output)
            );
            assert!(output.status.success());
        }
    });
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations"))
        .expect("the folder is there");
    let sql = files
        .filter_map(Result::ok)
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "sql"));
    let applied = world
        .number("select count(*) from _sqlx_migrations where success", &[])
        .await;
    assert_eq!(applied, sql.count() as i64);
    let buckets = world.number("select count(*) from bucket_lease", &[]).await;
    assert_eq!(buckets, 256, "no migration ran twice");
    world
        .execute("insert into app (name, secret_hash) values ('kept', '')")
        .await;
    let again = run(&migrate);
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(world.number("select count(*) from app", &[]).await, 1);
    // A newer version's schema is not touched.
    world
        .execute(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values (99991231000000, 'of the future', true, '', 0)",
        )
        .await;
    assert_stopped(&run(&migrate), &["99991231000000", "newer antares-server"]);
}

#[tokio::test]
async fn health_tells_whether_a_replica_is_ready() {
    let world = World::new().await;
    let mut server = world.server().start().await;
    let health = run(&["health", "--url", server.url()]);
    assert!(health.status.success(), "{}", stderr(&health));
    let body: Value = serde_json::from_str(&stdout(&health)).expect("the answer is JSON");
    assert_eq!(body["ready"], true);
    let by_variable = command(&["health"])
        .env("ANTARES_HEALTH_URL", format!("{}/", server.url()))
        .output();
    assert!(by_variable.expect("it runs").status.success());
    server.process.kill();
    assert_refused(&run(&["health", "--url", server.url()]), 1, &[server.url()]);
    assert_refused(&run(&["health", "--url", "nonsense"]), 1, &["nonsense"]);
    // Alive, but without a database.
    let waiting = world
        .server()
        .arguments(&["--database-url", NOWHERE])
        .listen()
        .await;
    let health = run(&["health", "--url", waiting.url()]);
    assert_eq!(health.status.code(), Some(1));
    let body: Value = serde_json::from_str(&stdout(&health)).expect("the answer is JSON");
    assert_eq!(body["ready"], false);
    assert!(
        body["troubles"]["start"]
            .as_str()
            .is_some_and(|what| !what.is_empty()),
        "{body}"
    );
    assert_eq!(waiting.admin().text("/healthz").await, "ok");
}
