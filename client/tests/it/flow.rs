//! The normal course: register, claim, run, report, leave.

use std::sync::Arc;
use std::time::Duration;

use antares_client::protocol::client::{LogLevel, MAX_HELD, Outcome as Reported};
use antares_client::protocol::shard::Trigger;
use antares_client::{BoxError, Context, Job, Outcome};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::stand_in::{Book, Call, StandIn, shard, soon};

#[tokio::test]
async fn a_shard_is_claimed_run_and_reported() {
    let server = StandIn::start();
    let mut given = shard(5, "settle");
    given.param = json!({"region": "north"});
    given.job_param = json!(30);
    given.item = 3;
    given.total = 4;
    given.attempt = 2;
    server.add([given]);
    let client = server
        .client()
        .slots(3)
        .label("zone", "a")
        .handler("settle", async |ctx: Context| -> Result<_, BoxError> {
            assert_eq!(ctx.app(), "shop");
            assert_eq!((ctx.shard_id(), ctx.attempt()), (5, 2));
            assert_eq!((ctx.item(), ctx.total()), (3, 4));
            assert_eq!((ctx.job(), ctx.handler()), ("settle job", "settle"));
            assert_eq!((ctx.instance_id(), ctx.trigger()), (7, Trigger::Schedule));
            assert_eq!((ctx.timeout(), ctx.cancel_reason()), (None, None));
            assert!(ctx.scheduled_at() < ctx.fired_at());
            let region = ctx.param_value()["region"].as_str().unwrap().to_owned();
            let days: u8 = ctx.job_param()?;
            Ok(format!("{region} {days}"))
        })
        .build()
        .unwrap()
        .spawn();
    let result = server.result_of(5).await;
    assert_eq!((result.attempt, result.outcome), (2, Reported::Succeeded));
    assert_eq!(result.output.as_deref(), Some("north 30"));
    assert!(result.started_at <= result.ended_at);
    let (id, introduction) = server.edit(|book| book.registered[0].clone());
    assert_eq!(client.client_id(), Some(id));
    assert_eq!(soon(client.registered()).await, id);
    assert_eq!(introduction.handlers, ["settle"]);
    assert_eq!(introduction.slots, 3);
    assert_eq!(introduction.labels["zone"], "a");
    assert_eq!(introduction.pid, std::process::id());
    assert_eq!(introduction.ip, "127.0.0.1");
    assert!(!introduction.host.is_empty());
    soon(client.shutdown()).await;
    assert_eq!(server.edit(|book| book.left.clone()), [id]);
}

#[tokio::test]
async fn no_more_shards_run_at_once_than_there_are_slots() {
    let server = StandIn::start();
    server.add((0..10).map(|id| shard(id, "wait")));
    let open = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&open);
    let client = server
        .client()
        .slots(4)
        .handler("wait", move |_ctx| {
            let gate = Arc::clone(&gate);
            async move { gate.acquire().await.unwrap().forget() }
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("four running", |book| {
            (book.running.len() == 4).then_some(())
        })
        .await;
    assert_eq!(client.running(), 4);
    open.add_permits(1);
    server
        .until("one more", |book| {
            (book.results.len() == 1 && book.ready.len() == 5 && book.running.len() == 4)
                .then_some(())
        })
        .await;
    open.add_permits(9);
    server
        .until("all", |book| (book.results.len() == 10).then_some(()))
        .await;
    let most = server.edit(|book| {
        book.calls
            .iter()
            .filter_map(|call| match call {
                Call::Claim { max, .. } => Some(*max),
                _ => None,
            })
            .max()
    });
    assert_eq!(most, Some(4));
    soon(client.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_shards_take_few_calls_and_claims_join_reports() {
    let server = StandIn::start();
    server.add((0..20_000).map(|id| shard(id, "nothing")));
    let client = server
        .client()
        .slots(1_000)
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    server
        .until("all", |book| (book.results.len() == 20_000).then_some(()))
        .await;
    let (calls, joined) = server.edit(|book| {
        let joined = |call: &Call| matches!(call, Call::Claim { results: 1.., .. });
        (book.calls.len(), book.count(joined))
    });
    assert!(calls < 1_000, "{calls} calls for 20,000 shards");
    assert!(joined > 0);
    soon(client.shutdown()).await;
    let mut ids: Vec<i64> = server.edit(|book| book.results.iter().map(|r| r.shard_id).collect());
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_never_holds_more_shards_than_it_may_renew() {
    const ALL: usize = MAX_HELD * 3 / 2;
    let server = StandIn::start();
    server.add((0..ALL as i64).map(|id| shard(id, "nothing")));
    server.edit(|book| book.hold_results = true);
    let client = server
        .client()
        .slots(10_000)
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap()
        .spawn();
    let renewals = |book: &Book| -> Vec<usize> {
        let running = |call: &Call| match call {
            Call::Renew { running } => Some(*running),
            _ => None,
        };
        book.calls.iter().filter_map(running).collect()
    };
    // It takes more and more while its results wait, and then no more.
    server
        .until("all it takes", |book| match renewals(book)[..] {
            [.., a, b, c] if a > 10_000 && a == b && b == c => Some(()),
            _ => None,
        })
        .await;
    server.edit(|book| book.hold_results = false);
    server
        .until("all", |book| (book.results.len() == ALL).then_some(()))
        .await;
    let most = server.edit(|book| renewals(book).into_iter().max());
    assert!(most <= Some(MAX_HELD), "{most:?}");
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn the_next_shard_of_a_wide_instance_comes_with_the_report_of_the_last() {
    let server = StandIn::start();
    let wide = |id| {
        let mut shard = shard(id, "step");
        shard.total = 2;
        shard
    };
    server.add([wide(1)]);
    let feed = server.clone();
    let client = server
        .client()
        .handler("step", move |ctx: Context| {
            // A long-poll takes what is there before; the second comes while the first is running.
            let (feed, is_first) = (feed.clone(), ctx.shard_id() == 1);
            async move {
                if is_first {
                    feed.until("the poll", |book| {
                        let polls = |call: &Call| matches!(call, Call::Claim { results: 0, .. });
                        (book.count(polls) == 2).then_some(())
                    })
                    .await;
                }
            }
        })
        .build()
        .unwrap()
        .spawn();
    server.result_of(1).await;
    let call = server
        .until("a joined call", |book| {
            let joined = |call: &&Call| matches!(call, Call::Claim { results: 1, .. });
            book.calls.iter().find(joined).cloned()
        })
        .await;
    assert_eq!(call, Call::Claim { max: 1, results: 1 });
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn log_lines_of_handlers_reach_the_server() {
    let server = StandIn::start();
    server.add([shard(1, "talk")]);
    let client = server
        .client()
        .handler("talk", async |ctx: Context| {
            ctx.log().info("begun");
            ctx.log().warn("x".repeat(20_000));
            ctx.log().error("odd");
        })
        .build()
        .unwrap()
        .spawn();
    server.result_of(1).await;
    // Leaving sends what has gathered.
    soon(client.shutdown()).await;
    let lines = server.edit(|book| std::mem::take(&mut book.lines));
    let levels: Vec<LogLevel> = lines.iter().map(|line| line.level).collect();
    assert_eq!(levels, [LogLevel::Info, LogLevel::Warn, LogLevel::Error]);
    assert_eq!((lines[0].shard_id, lines[0].attempt), (1, 1));
    assert_eq!(lines[0].message, "begun");
    assert!(lines[1].message.len() <= 8 * 1024);
    assert!(lines[1].message.ends_with("[cut: 20000 bytes in all]"));
}

struct Counting(u64);

impl Job for Counting {
    type Output = Outcome;

    async fn run(&self, _ctx: Context) -> Outcome {
        Outcome::later(Duration::from_millis(self.0))
    }
}

#[tokio::test]
async fn a_type_that_implements_job_is_a_handler_and_later_carries_its_delay() {
    let server = StandIn::start();
    server.add([shard(1, "count")]);
    let client = server
        .client()
        .handler("count", Counting(1_500))
        .build()
        .unwrap();
    let client = client.spawn();
    let result = server.result_of(1).await;
    assert_eq!(result.outcome, Reported::Later);
    assert_eq!(result.delay_ms, Some(1_500));
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn a_client_runs_until_the_future_it_is_given_resolves() {
    let server = StandIn::start();
    server.add([shard(1, "nothing")]);
    let client = server
        .client()
        .handler("nothing", async |_ctx: Context| {})
        .build()
        .unwrap();
    let stop = async {
        server.result_of(1).await;
    };
    soon(client.run_until(stop)).await;
    assert_eq!(server.edit(|book| book.left.len()), 1);
}
