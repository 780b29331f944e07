//! What a handler says of how far it has come is sent once, and not lost.

use antares_client::protocol::client::Outcome as Reported;
use antares_client::{Context, Outcome};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

use crate::stand_in::{Book, Call, StandIn, shard, soon};

fn renewals(book: &Book) -> usize {
    book.count(|call| matches!(call, Call::Renew { .. }))
}

#[tokio::test]
async fn renewals_carry_only_news_and_repeat_what_was_not_heard() {
    let server = StandIn::start();
    server.add([shard(1, "walk"), shard(2, "rest")]);
    server.edit(|book| book.refuse_renewals = true);
    let step = Arc::new(Notify::new());
    let steps = Arc::clone(&step);
    let client = server
        .client()
        .handler("walk", move |ctx: Context| {
            let steps = Arc::clone(&steps);
            async move {
                ctx.checkpoint(json!({ "row": 1 })).unwrap();
                ctx.progress(10);
                steps.notified().await;
                ctx.progress(10);
                ctx.progress(20);
                steps.notified().await;
            }
        })
        .handler("rest", async |ctx: Context| ctx.cancelled().await)
        .build()
        .unwrap()
        .spawn();
    // What a refused renewal carried is said again.
    server
        .until("two renewals are refused", |book| {
            (renewals(book) >= 2 && book.said.is_empty()).then_some(())
        })
        .await;
    server.edit(|book| book.refuse_renewals = false);
    server
        .until("the checkpoint", |book| {
            (!book.said.is_empty()).then_some(())
        })
        .await;
    // Renewals that follow have nothing to say, until there is news.
    let before = server.edit(|book| renewals(book));
    server
        .until("more renewals", |book| {
            (renewals(book) >= before + 3).then_some(())
        })
        .await;
    step.notify_one();
    let said = server
        .until("the progress", |book| {
            (book.said.len() >= 2).then(|| book.said.clone())
        })
        .await;
    let before = server.edit(|book| renewals(book));
    server
        .until("more renewals", |book| {
            (renewals(book) >= before + 3).then_some(())
        })
        .await;
    assert_eq!(server.edit(|book| book.said.len()), 2, "only news is sent");
    let said: Vec<_> = said
        .iter()
        .map(|shard| (shard.shard_id, shard.progress))
        .collect();
    assert_eq!(said, [(1, Some(10)), (1, Some(20))]);
    step.notify_one();
    let done = server.result_of(1).await;
    assert_eq!((done.outcome, done.checkpoint), (Reported::Succeeded, None));
    client.abort();
}

#[tokio::test]
async fn a_handler_that_ends_at_once_leaves_its_checkpoint_with_its_result() {
    let server = StandIn::start();
    let mut again = shard(1, "later");
    again.attempt = 2;
    again.checkpoint = Some(json!(41));
    server.add([again, shard(2, "fail"), shard(3, "done"), shard(4, "later")]);
    let client = server
        .client()
        .handler("later", async |ctx: Context| {
            let last: Option<u32> = ctx.last_checkpoint().unwrap();
            ctx.checkpoint(last.map_or(0, |last| last + 1)).unwrap();
            Outcome::later(Duration::from_secs(1))
        })
        .handler("fail", async |ctx: Context| {
            ctx.checkpoint(["so far"]).unwrap();
            assert!(ctx.checkpoint("x".repeat(70_000)).is_err());
            Outcome::fail("no")
        })
        .handler("done", async |ctx: Context| {
            ctx.checkpoint("all").unwrap();
        })
        .build()
        .unwrap()
        .spawn();
    for (shard_id, outcome, checkpoint) in [
        (1, Reported::Later, Some(json!(42))),
        (2, Reported::Failed, Some(json!(["so far"]))),
        (3, Reported::Succeeded, None),
        (4, Reported::Later, Some(json!(0))),
    ] {
        let result = server.result_of(shard_id).await;
        assert_eq!((result.outcome, result.checkpoint), (outcome, checkpoint));
    }
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn news_that_the_server_refuses_do_not_cost_the_lease() {
    let server = StandIn::start();
    server.add([shard(1, "walk")]);
    server.edit(|book| book.refuse_news = true);
    let client = server
        .client()
        .handler("walk", async |ctx: Context| {
            ctx.checkpoint(1).unwrap();
            ctx.cancelled().await;
        })
        .build()
        .unwrap()
        .spawn();
    server
        .until("the news is refused", |book| {
            (book.refused_news > 0).then_some(())
        })
        .await;
    let before = server.edit(|book| renewals(book));
    server
        .until("renewals without it", |book| {
            (renewals(book) >= before + 3).then_some(())
        })
        .await;
    server.edit(|book| {
        assert_eq!((book.refused_news, book.running.len()), (1, 1));
    });
    client.abort();
}
