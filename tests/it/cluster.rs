//! Replicas join, leave, die, hang and lose their database.

use antares_tests::{BOUND, Work, World};

#[tokio::test]
async fn a_job_runs_from_end_to_end() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app.job("settle", |spec| spec.shard_count = 4).await;
    let client = world.client(&app, &[&a, &b]).start().await;
    let instance = job.trigger_with(&Work::default()).await;
    let ended = world.ended(instance, BOUND).await;
    assert_eq!(ended.summary(), ("succeeded", 4, 0, 0));
    world.assert_nothing_left().await;
    drop(client);
}
