//! Who may run what: assignments, priorities, calendars.

use std::time::Duration;

use antares_protocol::plan::Explanation;
use antares_protocol::policy::{Assignment, Chosen, NoClient};
use antares_protocol::schedule::Calendar;
use antares_tests::{BOUND, World, wait_until};
use reqwest::Method;
use serde_json::{Value, json};

const DENSE: &str = "* * * * * ?";

fn chosen(key: &str, value: &str) -> Assignment {
    Assignment::Chosen(Chosen {
        labels: [(key.to_owned(), value.to_owned())].into(),
        ..Chosen::default()
    })
}

#[tokio::test]
async fn shards_go_to_clients_that_are_assigned_also_to_those_that_come_later() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let own = app
        .job("own", |s| {
            s.handler = Some("work".into());
            s.shard_count = 20;
            s.max_shards_per_client = 0;
            s.assignment = chosen("test", "second");
        })
        .await;
    let nobody = app
        .job("nobody", |s| {
            s.handler = Some("work".into());
            s.assignment = Assignment::Nobody;
        })
        .await;
    let free = app.job("free", |s| s.handler = Some("work".into())).await;
    let first = world.client(&app, &[&a, &b]).name("first").start().await;
    let waits = nobody.trigger().await;
    let mine = own.trigger().await;
    // What waits in front does not hold up what the client may have.
    for _ in 0..3 {
        let instance = free.trigger().await;
        assert_eq!(world.ended(instance, BOUND).await.state, "succeeded");
    }
    assert_eq!(world.executed(mine).await, []);
    let second = world.client(&app, &[&b, &a]).name("second").start().await;
    assert_eq!(
        world.ended(mine, BOUND).await.summary(),
        ("succeeded", 20, 0, 0)
    );
    assert!(
        world
            .executed(mine)
            .await
            .iter()
            .all(|e| e.client == "second")
    );
    assert_eq!(world.executed(waits).await, []);
    assert!(world.try_ended(waits).await.is_none());
    drop((first, second));
}

#[tokio::test]
async fn a_tick_without_a_client_is_skipped_where_the_job_says_so_and_waits_otherwise() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = |name: &'static str, no_client| {
        app.job(name, move |s| {
            s.handler = Some("work".into());
            s.cron = Some(DENSE.into());
            s.no_client = no_client;
            s.assignment = chosen("test", "second");
        })
    };
    let skips = job("skips", NoClient::Skip).await;
    let waits = job("waits", NoClient::Wait).await;
    let first = world.client(&app, &[&a]).name("first").start().await;
    let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped'
        and reason = 'no client: none is alive that may run the job'";
    wait_until("ticks are skipped", BOUND, async || {
        match world.number(skipped, &[skips.id]).await {
            n if n >= 2 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    let fired = "select count(*) from tick where job_id = $1 and outcome = 'fired'";
    assert_eq!(world.number(fired, &[skips.id]).await, 0);
    assert_eq!(world.number(fired, &[waits.id]).await, 1);
    let second = world.client(&app, &[&a]).name("second").start().await;
    for id in [skips.id, waits.id] {
        let ran = "select count(*) from instance_ended where job_id = $1 and state = 'succeeded'";
        wait_until("it runs", BOUND, async || {
            match world.number(ran, &[id]).await {
                0 => Err("not yet"),
                _ => Ok(()),
            }
        })
        .await;
    }
    world.assert_ticks_exact(&skips).await;
    world.assert_ticks_exact(&waits).await;
    drop((first, second));
}

#[tokio::test]
async fn a_higher_priority_is_handed_out_first_and_another_app_is_not_starved() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let (shop, bank) = (world.app(&a, "shop").await, world.app(&a, "bank").await);
    let handled = |s: &mut antares_protocol::job::JobSpec| s.handler = Some("work".into());
    let wide = shop
        .job("wide", |s| {
            handled(s);
            s.shard_count = 2000;
            s.max_shards_per_client = 0;
        })
        .await;
    let urgent = shop
        .job("urgent", |s| {
            handled(s);
            s.priority = 10;
        })
        .await;
    let low = shop.job("low", handled).await;
    let single = bank.job("single", handled).await;
    // All of them wait before anybody comes.
    let many = wide.trigger().await;
    let path = format!("/api/v1/jobs/{}/trigger", low.id);
    let answer: Value = a.admin().post(&path, &json!({ "priority": -5 })).await;
    let last = answer["instance_id"].as_i64().unwrap();
    let first = urgent.trigger().await;
    let other = single.trigger().await;
    let clients = (
        world.client(&shop, &[&a]).slots(1).start().await,
        world.client(&bank, &[&a]).slots(1).start().await,
    );
    assert_eq!(world.ended(other, BOUND).await.state, "succeeded");
    world.ended(last, Duration::from_mins(2)).await;
    world.ended(many, BOUND).await;
    let order = handed_out(&world, &[many, last, first]).await;
    assert_eq!(order, [first, many, last]);
    drop(clients);
}

#[tokio::test]
async fn priority_and_age_count_across_the_handlers_of_a_client() {
    let world = World::new().await;
    let [a] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let wide = app
        .job("wide", |s| {
            s.handler = Some("ship".into());
            s.shard_count = 100;
        })
        .await;
    let urgent = app
        .job("urgent", |s| {
            s.handler = Some("bill".into());
            s.priority = 10;
        })
        .await;
    let late = app.job("late", |s| s.handler = Some("bill".into())).await;
    // All of them wait before anybody comes.
    let (second, first, third) = (
        wide.trigger().await,
        urgent.trigger().await,
        late.trigger().await,
    );
    let client = world.client(&app, &[&a]).handlers(&["ship", "bill"]);
    let client = client.slots(1).start().await;
    for id in [first, second, third] {
        assert_eq!(world.ended(id, BOUND).await.state, "succeeded");
    }
    // Whichever handler comes first, by its name or by its turn.
    assert_eq!(
        handed_out(&world, &[first, second, third]).await,
        [first, second, third]
    );
    drop(client);
}

/// These instances, by when the first shard of each was handed out.
async fn handed_out(world: &World, instances: &[i64]) -> Vec<i64> {
    sqlx::query_scalar(
        "select instance_id from attempt_ended where instance_id = any($1) group by 1 order by min(claimed_at)",
    )
    .bind(instances)
    .fetch_all(world.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn a_calendar_keeps_ticks_out_until_it_is_changed_and_stays_while_it_is_used() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let always = json!([{ "from": "2020-01-01T00:00:00Z", "until": "2199-01-01T00:00:00Z", "label": "freeze" }]);
    let body = json!({ "name": "blackout", "spans": always });
    let calendar: Calendar = a.admin().post("/api/v1/calendars", &body).await;
    let path = format!("/api/v1/calendars/{}", calendar.id);
    let job = app
        .job("work", |s| {
            s.cron = Some(DENSE.into());
            s.exclude_calendars = vec!["blackout".into()];
        })
        .await;
    let client = world.client(&app, &[&a]).start().await;
    let skipped = "select count(*) from tick where job_id = $1 and outcome = 'skipped' and reason = 'calendar blackout: freeze'";
    let fired = "select count(*) from tick where job_id = $1 and outcome = 'fired'";
    let at_least = async |what: &str, sql: &'static str, n: i64| {
        wait_until(what, BOUND, async || {
            match world.number(sql, &[job.id]).await {
                found if found >= n => Ok(()),
                found => Err(found),
            }
        })
        .await;
    };
    at_least("ticks are skipped", skipped, 2).await;
    assert_eq!(world.number(fired, &[job.id]).await, 0);
    let explain = format!("/api/v1/jobs/{}/explain", job.id);
    let explained: Explanation = b.admin().get(&explain).await;
    let told = "but that tick does not fire: calendar blackout: freeze";
    assert!(explained.now.ends_with(told), "{}", explained.now);
    let told = "但该时刻不触发：日历 blackout: freeze";
    assert!(explained.now_zh.ends_with(told), "{}", explained.now_zh);
    let (status, answer) = b.admin().call(Method::DELETE, &path, None).await;
    assert_eq!(status, 409, "{answer}");
    assert!(answer.to_string().contains("work"), "{answer}");
    let body = json!({ "version": 1, "spec": { "name": "blackout" } });
    let (status, answer) = b.admin().call(Method::PUT, &path, Some(&body)).await;
    assert_eq!(status, 200, "{answer}");
    at_least("ticks fire", fired, 2).await;
    let (status, answer) = a.admin().call(Method::PUT, &path, Some(&body)).await;
    assert_eq!(
        (status.as_u16(), &answer["type"]),
        (409, &json!("/problems/version-conflict"))
    );
    world.assert_ticks_exact(&job).await;
    let body = json!({ "app": "shop", "spec": { "name": "other", "cron": DENSE, "include_calendars": ["nothing"] } });
    let (status, answer) = a
        .admin()
        .call(Method::POST, "/api/v1/jobs", Some(&body))
        .await;
    assert_eq!(
        (status.as_u16(), &answer["field"]),
        (422, &json!("spec.include_calendars"))
    );
    job.delete().await;
    let (status, answer) = b.admin().call(Method::DELETE, &path, None).await;
    assert_eq!(status, 204, "{answer}");
    drop(client);
}

#[tokio::test]
async fn a_calendar_is_imported_once_however_often_and_tells_what_it_covers() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let body = json!({
        "name": "holidays", "time_zone": "Europe/Berlin", "weekly": [{ "days": ["Sun"], "label": "Sunday" }],
        "dates": [{ "date": "2026-12-24", "label": "Eve" }],
    });
    let calendar: Calendar = a.admin().post("/api/v1/calendars", &body).await;
    let path = format!("/api/v1/calendars/{}", calendar.id);
    let ics = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261225\r\n\
        DTEND;VALUE=DATE:20261227\r\nSUMMARY:Christmas\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let import = format!("{path}/import");
    for admin in [a.admin(), b.admin()] {
        let stored: Calendar = admin.post(&import, &json!({ "ics": ics })).await;
        let days: Vec<_> = stored.spec.dates.iter().map(|day| &*day.label).collect();
        assert_eq!(days, ["Eve", "Christmas", "Christmas"]);
    }
    let replaced: Calendar = a
        .admin()
        .post(
            &import,
            &json!({ "ics": ics, "replace": true, "version": 3 }),
        )
        .await;
    assert_eq!(
        (replaced.spec.dates.len(), replaced.spec.weekly.len()),
        (2, 1)
    );
    let spans = format!("{path}/spans?from=2026-12-24&until=2026-12-28");
    let covered: Value = b.admin().get(&spans).await;
    assert_eq!(
        covered,
        json!([
            { "from": "2026-12-24T23:00:00Z", "until": "2026-12-26T23:00:00Z", "label": "Christmas" },
            { "from": "2026-12-26T23:00:00Z", "until": "2026-12-27T23:00:00Z", "label": "Sunday" },
        ])
    );
    for (body, status, field) in [
        (json!({ "ics": "nothing" }), 422, "ics"),
        (json!({ "ics": ics, "version": 1 }), 409, ""),
        (json!({ "ics": ics, "until": "yesterday" }), 400, "until"),
    ] {
        let (answered, answer) = a.admin().call(Method::POST, &import, Some(&body)).await;
        assert_eq!(answered, status, "{answer}");
        assert_eq!(
            answer["field"].as_str().unwrap_or_default(),
            field,
            "{answer}"
        );
    }
    let after: Calendar = a.admin().get(&path).await;
    assert_eq!(after, replaced);
}

#[tokio::test]
async fn a_changed_assignment_holds_for_instances_that_were_fired_before() {
    let world = World::new().await;
    let [a, b] = world.servers().await;
    let app = world.app(&a, "shop").await;
    let job = app
        .job("work", |spec| spec.assignment = Assignment::Nobody)
        .await;
    let (here, there) = (
        app.raw_client(&a, &["work"]).await,
        app.raw_client(&b, &["work"]).await,
    );
    let change = async |assignment: Assignment| {
        let mut spec = job.view().await.spec;
        spec.assignment = assignment;
        let path = format!("/api/v1/jobs/{}", job.id);
        let body = serde_json::json!({ "spec": spec });
        let (status, _) = a
            .admin()
            .call(reqwest::Method::PUT, &path, Some(&body))
            .await;
        assert_eq!(status, 200);
    };
    let first = job.trigger().await;
    assert!(here.claim(1, 500).await.is_empty());
    // The claim that waits at the other replica gets it as soon as it may.
    let (got, ()) = tokio::join!(there.claim(1, 20_000), change(Assignment::Any));
    assert_eq!(got[0].instance_id, first);
    there
        .report(got[0].token(), antares_protocol::client::Outcome::Succeeded)
        .await;
    world.ended(first, BOUND).await;
    let second = job.trigger().await;
    change(Assignment::Nobody).await;
    assert!(here.claim(1, 500).await.is_empty());
    let path = format!("/api/v1/jobs/{}/explain", job.id);
    let explained: serde_json::Value = b.admin().get(&path).await;
    let reason = explained["waits"][0]["reasons"][0]
        .as_str()
        .unwrap_or_default();
    assert!(reason.contains("is assigned to nobody"), "{explained}");
    change(Assignment::Any).await;
    assert_eq!(here.claim(1, 5000).await[0].instance_id, second);
}
