//! Many triggers in one call.

use antares_protocol::job::JobsTriggered;
use antares_protocol::problem::ProblemKind;
use antares_tests::World;
use reqwest::Method;
use serde_json::json;

use super::http::is_problem;

#[tokio::test]
async fn each_of_many_triggers_is_answered_alone() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    let app = world.app(&server, "shop").await;
    let [one, two, stopped, keyed] = [
        app.job("one", |spec| {
            spec.shard_count = 70;
            spec.max_shards_per_client = 0;
        })
        .await,
        app.job("two", |_| ()).await,
        app.job("stopped", |_| ()).await,
        app.job("keyed", |_| ()).await,
    ];
    stopped.act("stop").await;
    let body = json!({ "triggers": [
        { "job_id": one.id },
        { "job_id": stopped.id },
        { "job_id": two.id, "param": { "a": 1 } },
        { "job_id": one.id, "param": 2 },
        { "job_id": 987_654 },
        { "job_id": keyed.id, "idempotency_key": "k" },
        { "job_id": keyed.id, "idempotency_key": "k" },
    ] });
    let answer: JobsTriggered = admin.post("/api/v1/triggers", &body).await;
    let made: Vec<bool> = answer
        .results
        .iter()
        .map(|r| r.instance_id.is_some())
        .collect();
    assert_eq!(made, [true, false, true, false, false, true, true]);
    let kinds: Vec<_> = answer
        .results
        .iter()
        .map(|r| r.problem.as_ref().map(|p| p.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            None,
            Some(ProblemKind::IllegalState),
            None,
            Some(ProblemKind::IllegalState),
            Some(ProblemKind::NotFound),
            None,
            None,
        ]
    );
    let detail = |at: usize| answer.results[at].problem.as_ref().unwrap().detail.clone();
    assert!(detail(1).contains("stopped"), "{}", detail(1));
    assert!(detail(3).contains("running"), "{}", detail(3));
    assert_eq!(answer.results[5].instance_id, answer.results[6].instance_id);

    let [first, second] = [0, 2].map(|at| answer.results[at].instance_id.unwrap());
    assert_eq!(world.shards(first).await.len(), 70);
    let params = "select count(*) from instance where id = $1 and param = '{\"a\": 1}'";
    assert_eq!(world.number(params, &[second]).await, 1);
    world.assert_consistent().await;

    // The claimer was told: a client that comes now finds all of them.
    let client = app.raw_client(&server, &["work"]).await;
    let mut claimed = 0;
    while claimed < 72 {
        let shards = client.claim(100, 1000).await;
        assert_ne!(shards.len(), 0);
        claimed += shards.len();
    }
}

#[tokio::test]
async fn no_triggers_and_too_many_are_refused() {
    let world = World::new().await;
    let server = world.server().start().await;
    let admin = server.admin();
    for n in [0, 1001] {
        let triggers = vec![json!({ "job_id": 1 }); n];
        let body = json!({ "triggers": triggers });
        let answer = admin
            .call(Method::POST, "/api/v1/triggers", Some(&body))
            .await;
        is_problem(&answer, ProblemKind::InvalidField);
        assert_eq!(answer.1["field"], "triggers");
    }
}
