//! Handlers that are found because they are annotated.

use antares_client::protocol::client::Outcome as Reported;
use antares_client::{BoxError, Client, Context, Job, job};

use crate::stand_in::{StandIn, shard, soon};

#[job("settle")]
async fn settle_orders(ctx: Context) -> Result<String, BoxError> {
    Ok(format!("settled item {}", ctx.item()))
}

#[job]
async fn tick() {}

#[job("typed")]
#[derive(Default)]
struct Typed {
    count: u8,
}

impl Job for Typed {
    type Output = u8;

    async fn run(&self, _ctx: Context) -> u8 {
        self.count
    }
}

#[tokio::test]
async fn annotated_handlers_are_found() {
    let server = StandIn::start();
    server.add([shard(1, "settle"), shard(2, "tick"), shard(3, "typed")]);
    let client = server.client().discover().build().unwrap().spawn();
    for (shard_id, output) in [(1, Some("settled item 0")), (2, None), (3, Some("0"))] {
        let result = server.result_of(shard_id).await;
        assert_eq!(result.outcome, Reported::Succeeded);
        assert_eq!(result.output.as_deref(), output);
    }
    let handlers = server.edit(|book| book.registered[0].1.handlers.clone());
    assert_eq!(handlers, ["settle", "tick", "typed"]);
    soon(client.shutdown()).await;
}

#[test]
fn an_annotated_name_that_is_taken_is_refused() {
    let error = Client::builder("shop", "secret")
        .server("http://127.0.0.1:1")
        .discover()
        .handler("tick", tick_by_hand)
        .build()
        .err()
        .expect("refused");
    assert!(error.to_string().contains("`tick` is registered twice"));
}

async fn tick_by_hand(_ctx: Context) {}
