//! The editor: nothing that was typed is lost, and whoever was quicker is not overwritten unseen.

use antares_tests::{BOUND, World, wait_until};

use super::{assert_marked, given_viewer, mark};

#[tokio::test]
async fn what_was_typed_is_there_again_whichever_way_the_page_was_left() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.cron = Some("0 0 3 * * ?".into()))
        .await;
    let page = format!("/jobs/{}/edit", job.id);
    let browser = given_viewer(&server, &page).await;
    let cron = "return document.querySelector('#cron').value";
    browser.fill("#cron", "0 30 4 * * ?").await;
    browser.shows("#words", "at 04:30 every day").await;
    // By a link, by a reload, and because the session has ended.
    browser.click("nav a[href='/servers']").await;
    browser.is_at("/servers").await;
    browser.go(&format!("{}{page}", server.url())).await;
    browser.shows(".restored", "not saved").await;
    assert_eq!(browser.script::<String>(cron).await, "0 30 4 * * ?");
    browser.reload().await;
    browser.shows(".restored", "not saved").await;
    world
        .execute(&format!("delete from {}.session", world.namespace()))
        .await;
    browser.click("#save").await;
    browser
        .is_at(&format!("/login?next=%2Fjobs%2F{}%2Fedit", job.id))
        .await;
    browser.log_in().await;
    browser.shows(".restored", "not saved").await;
    assert_eq!(browser.script::<String>(cron).await, "0 30 4 * * ?");
    // It can be thrown away, and then it is gone.
    browser.click("#discard").await;
    wait_until("the saved one is shown", BOUND, async || {
        let now: Option<String> = browser
            .script("return document.querySelector('#cron')?.value ?? null")
            .await;
        if now.as_deref() == Some("0 0 3 * * ?") {
            Ok(())
        } else {
            Err(now)
        }
    })
    .await;
    browser.reload().await;
    browser.element("#cron").await;
    browser.texts(".restored", <[String]>::is_empty).await;
}

#[tokio::test]
async fn a_newer_version_can_be_looked_at_and_taken_instead() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    browser.fill("#description", "mine").await;
    let mut spec = job.view().await.spec;
    spec.description = "theirs".to_owned();
    let (status, _) = server
        .admin()
        .call(
            reqwest::Method::PUT,
            &format!("/api/v1/jobs/{}", job.id),
            Some(&serde_json::json!({ "spec": spec })),
        )
        .await;
    assert_eq!(status, 200);
    browser.click("#save").await;
    browser.shows("#save", "Save over the newer version").await;
    browser
        .shows(".restored a[target=_blank]", "See what was changed")
        .await;
    browser.click("#load-newest").await;
    wait_until("theirs is shown", BOUND, async || {
        let now: Option<String> = browser
            .script("return document.querySelector('#description')?.value ?? null")
            .await;
        if now.as_deref() == Some("theirs") {
            Ok(())
        } else {
            Err(now)
        }
    })
    .await;
    browser.shows("#save", "Save").await;
    browser.fill("#description", "both").await;
    browser.click("#save").await;
    browser.is_at(&format!("/jobs/{}", job.id)).await;
    assert_eq!(job.view().await.spec.description, "both");

    // Any two versions side by side, by an address that can be passed on.
    browser.click("a[href$='tab=versions']").await;
    mark(&browser).await;
    browser.fill("#compare-from", "1").await;
    browser.fill("#compare-to", "3").await;
    browser.click("h1").await;
    browser.shows("#difference ins", "both").await;
    browser
        .is_at(&format!("/jobs/{}?tab=versions&from=1&to=3", job.id))
        .await;
    assert_marked(&browser).await;
}

#[tokio::test]
async fn a_schedule_is_put_together_without_knowing_cron() {
    let world = World::new().await;
    let [server] = world.servers().await;
    world.app(&server, "shop").await;
    let browser = given_viewer(&server, "/jobs/new").await;
    browser.fill("#name", "settle").await;
    browser.click("#schedule-kind option[value=cron]").await;
    browser.click("#build option[value=nth]").await;
    browser.click("#build-nth option[value='0']").await;
    browser.click("#build-weekday option[value='4']").await;
    browser
        .shows("#words", "on the last Friday of every month")
        .await;
    browser.click("#build option[value=week]").await;
    browser.shows("#words", "Monday").await;
    browser.click("[data-day=MON]").await;
    browser.click("[data-day=SAT]").await;
    let cron = "return document.querySelector('#cron').value";
    wait_until("the expression follows", BOUND, async || {
        let now: String = browser.script(cron).await;
        if now == "0 0 3 ? * TUE,WED,THU,FRI,SAT" {
            Ok(())
        } else {
            Err(now)
        }
    })
    .await;
    // What the builder cannot say it leaves alone.
    browser.fill("#cron", "0 H * * * ?").await;
    let chosen: String = browser
        .script("return document.querySelector('#build').selectedOptions[0].textContent")
        .await;
    assert_eq!(chosen, "something else");
    assert_eq!(browser.script::<String>(cron).await, "0 H * * * ?");
}
