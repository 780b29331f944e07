//! Servers that die, come back, or refuse.

use std::sync::Arc;

use antares_client::Context;
use antares_client::api::ClientApi;
use antares_client::protocol::client::{Outcome as Reported, RegisterClient};
use tokio::sync::Notify;

use crate::stand_in::{StandIn, shard, soon};

/// A client whose handler waits for the gate.
fn gated(server: &StandIn) -> (antares_client::ClientBuilder, Arc<Notify>) {
    let go = Arc::new(Notify::new());
    let gate = Arc::clone(&go);
    let builder = server.client().handler("wait", move |_ctx: Context| {
        let gate = Arc::clone(&gate);
        async move { gate.notified().await }
    });
    (builder, go)
}

#[tokio::test]
async fn a_result_survives_the_restart_of_the_only_server() {
    let server = StandIn::start();
    server.add([shard(1, "wait")]);
    let (builder, go) = gated(&server);
    let client = builder.build().unwrap().spawn();
    server
        .until("running", |book| (book.running.len() == 1).then_some(()))
        .await;
    server.kill();
    go.notify_one();
    soon(server.hang_up_on("/report")).await;
    server.serve();
    assert_eq!(server.result_of(1).await.outcome, Reported::Succeeded);
    server.add([shard(2, "wait")]);
    go.notify_one();
    server.result_of(2).await;
    assert_eq!(
        server.edit(|book| book.registered.len()),
        1,
        "the lease was lost"
    );
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn the_other_server_takes_over_when_one_dies() {
    let first = StandIn::start();
    let second = first.replica();
    second.serve();
    first.add([shard(1, "wait")]);
    let (builder, go) = gated(&first);
    let client = builder.server(second.url()).build().unwrap().spawn();
    for round in 1..=4 {
        first
            .until("running", |book| (book.running.len() == 1).then_some(()))
            .await;
        let dead = if round % 2 == 0 { &first } else { &second };
        dead.kill();
        go.notify_one();
        first.result_of(round).await;
        first.add([shard(round + 1, "wait")]);
        first
            .until("the next", |book| book.ready.is_empty().then_some(()))
            .await;
        dead.serve();
    }
    go.notify_one();
    first.result_of(5).await;
    assert_eq!(first.edit(|book| book.registered.len()), 1);
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn a_wrong_secret_is_tried_again_until_it_is_right() {
    let server = StandIn::start();
    server.edit(|book| book.wrong_secrets = 1);
    let (builder, _) = gated(&server);
    let client = builder.build().unwrap().spawn();
    server
        .until("a refusal", |book| (!book.calls.is_empty()).then_some(()))
        .await;
    assert_eq!(client.client_id(), None);
    soon(client.registered()).await;
    soon(client.shutdown()).await;
}

#[tokio::test]
async fn the_calls_of_the_protocol_can_be_made_directly() {
    let server = StandIn::start();
    let api = ClientApi::new([server.url()], "shop", "secret").unwrap();
    let request = RegisterClient {
        host: "test".to_owned(),
        handlers: vec!["settle".to_owned()],
        slots: 1,
        ..RegisterClient::default()
    };
    let registered = api.register(&request).await.unwrap();
    server.edit(|book| book.gone.push(registered.client_id));
    let error = api.leave(registered.client_id).await.unwrap_err();
    assert!(error.is_client_gone());
    assert_eq!(error.to_string(), "410 Client gone: as the test wants it");
    server.kill();
    let error = api.register(&request).await.unwrap_err();
    assert_eq!(error.status(), None);
}
