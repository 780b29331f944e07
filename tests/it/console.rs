//! The console in a real browser, on real servers and clients.

mod access;
mod configure;
mod editor;
mod flow;
mod instance;
mod jobs;
mod operate;
mod overview;
mod palette;
mod words;

use std::time::{Duration, Instant};

use antares_tests::browser::Browser;
use antares_tests::{App, BOUND, End, Server, Work, World, wait_until};
use serde_json::json;

/// Before login the server says, as it should, that nobody is logged in; browsers write that down.
fn is_refusal(complaint: &str) -> bool {
    let asked = ["/api/v1/session", "/api/v1/login"]
        .iter()
        .any(|path| complaint.contains(path));
    asked && complaint.contains("401")
}

async fn given_browser(server: &Server, page: &str, language: &str) -> Browser {
    let console = server.admin().text("/").await;
    assert!(console.starts_with("<!doctype html>"), "{console}");
    let browser = Browser::start(language).await;
    browser.go(&format!("{}{page}", server.url())).await;
    browser
}

async fn given_viewer(server: &Server, page: &str) -> Browser {
    let browser = given_browser(server, page, "en-US").await;
    browser.log_in().await;
    browser.is_at(page).await;
    browser
}

/// Marks the page: a reload loses the mark.
async fn mark(browser: &Browser) {
    browser
        .script::<Option<bool>>("window.isMarked = true")
        .await;
}

async fn assert_marked(browser: &Browser) {
    let is_marked: Option<bool> = browser.script("return window.isMarked ?? null").await;
    assert_eq!(is_marked, Some(true), "the page was loaded again");
}

/// Waits until the control with this id has the focus.
async fn is_focused(browser: &Browser, wanted: &str) {
    wait_until("the field is gone to", BOUND, async || {
        let id: String = browser.script("return document.activeElement.id").await;
        if id == wanted { Ok(()) } else { Err(id) }
    })
    .await;
}

/// Waits until a row has all of `words` in it.
async fn row(browser: &Browser, words: &[&str]) {
    let has_all = |row: &String| words.iter().all(|word| row.contains(word));
    browser
        .texts("tbody tr", |rows| rows.iter().any(has_all))
        .await;
}

/// How often the page has asked the server for `path`.
async fn requests(browser: &Browser, path: &str) -> usize {
    let code = format!(
        "return performance.getEntriesByType('resource').filter((entry) => entry.name.includes({path:?})).length"
    );
    browser.script(&code).await
}

#[tokio::test]
async fn login_refuses_lets_in_and_lasts_until_logout() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_browser(&server, "/servers", "en-US").await;
    browser.is_at("/login?next=%2Fservers").await;
    browser.element("#user").await;
    browser.texts(".banner", <[String]>::is_empty).await;

    browser.fill("#user", "admin").await;
    browser.fill("#password", "not the password").await;
    browser.click("button[type=submit]").await;
    browser
        .shows(".notice", "the user name or the password is wrong")
        .await;

    browser.log_in().await;
    browser.is_at("/servers").await;
    row(&browser, &[server.address(), "256 / 256", "Active"]).await;
    browser.reload().await;
    row(&browser, &[server.address()]).await;
    browser.is_at("/servers").await;

    let cookie = browser.cookie("antares_session").await;
    let is_open = async || {
        let url = format!("{}/api/v1/session", server.url());
        let cookie = format!("antares_session={cookie}");
        let answer = reqwest::Client::new()
            .get(url)
            .header("cookie", cookie)
            .send()
            .await;
        answer.expect("the server answers").status().is_success()
    };
    assert!(is_open().await);
    browser.click("#log-out").await;
    browser.is_at("/login").await;
    browser.element("#user").await;
    browser.texts(".banner", <[String]>::is_empty).await;
    assert!(!is_open().await, "the session is over on the server too");
    browser.go(&format!("{}/jobs", server.url())).await;
    browser.is_at("/login?next=%2Fjobs").await;
    assert_eq!(browser.errors(is_refusal).await, [""; 0]);
}

#[tokio::test]
async fn a_session_that_ends_leads_to_login_and_back() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_viewer(&server, "/instances").await;
    world
        .execute(&format!("delete from {}.session", world.namespace()))
        .await;
    // Something happens, so the page asks.
    let app = world.app(&server, "shop").await;
    app.job("settle", |_| {}).await.trigger().await;
    browser.is_at("/login?next=%2Finstances").await;
    browser.shows(".banner", "Your session has ended").await;
    browser.click("#language").await;
    browser.shows(".banner", "会话已结束").await;
    browser.click("#language").await;
    browser.log_in().await;
    browser.is_at("/instances").await;
    row(&browser, &["settle", "Running"]).await;
}

#[tokio::test]
async fn progress_moves_without_a_reload() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let gates = ["a", "b", "c"].map(|name| world.gate(name));
    let failing = Work {
        end: End::Fail("no more".to_owned()),
        ..gates[1].work()
    };
    let job = app
        .job("settle <b>orders</b>", |spec| {
            spec.shard_count = 3;
            spec.max_shards_per_client = 0;
            spec.shard_params = vec![
                json!(gates[0].work()),
                json!(failing),
                json!(gates[2].work()),
            ];
        })
        .await;

    let browser = given_viewer(&server, "/instances").await;
    browser.shows(".empty", "Nothing has fired yet").await;
    mark(&browser).await;
    let instance = job.trigger().await;
    // The name is shown as it was typed: it is nobody's markup.
    row(
        &browser,
        &[
            "settle <b>orders</b>",
            &format!("#{instance}"),
            "Running",
            "API",
            "0 / 3",
        ],
    )
    .await;
    gates[0].open();
    row(&browser, &["Running", "1 / 3"]).await;
    gates[1].open();
    row(&browser, &["Running", "2 / 3", "1 failed"]).await;

    browser.click("a[href='/jobs']").await;
    row(
        &browser,
        &["settle <b>orders</b>", "shop", "Running", "on demand"],
    )
    .await;
    browser.click("a[href='/clients']").await;
    let pid = client.process.pid().to_string();
    row(&browser, &["shop", &pid, "work", "rust"]).await;
    let running = |cells: &[String]| {
        let cell = cells.first().map_or("", |cell| cell.trim());
        cell.starts_with('1') && cell.contains("settle <b>orders</b> × 1")
    };
    browser.texts("tbody tr td:nth-child(6)", running).await;
    browser.click("a[href='/instances']").await;
    gates[2].open();
    row(&browser, &["Failed", "3 / 3", "1 failed"]).await;
    browser.click("a[href='/jobs']").await;
    row(&browser, &["settle <b>orders</b>", "Waiting"]).await;
    browser.click("a[href='/clients']").await;
    drop(client);
    browser.shows(".empty", "No client is connected").await;
    assert_marked(&browser).await;
    assert_eq!(browser.errors(is_refusal).await, [""; 0]);
}

#[tokio::test]
async fn servers_come_and_go_in_the_list() {
    let world = World::new().await;
    let [first, mut second] = world.servers().await;
    let browser = given_viewer(&first, "/servers").await;
    row(&browser, &[first.address(), "128 / 256"]).await;
    row(&browser, &[second.address(), "128 / 256"]).await;
    mark(&browser).await;
    drain_and_resume(&browser, &world, &mut second).await;
    let is_alone = |rows: &[String]| matches!(rows, [row] if row.contains("256 / 256"));
    browser.texts("tbody tr", is_alone).await;
    assert_marked(&browser).await;
}

/// Drains a server by its row, and resumes it.
async fn drain_and_resume(browser: &Browser, world: &World, server: &mut Server) {
    let address = server.address().to_owned();
    let press = async |action: &str| {
        let code = format!(
            "const row = [...document.querySelectorAll('tbody tr')].find((row) => row.textContent.includes('{address}'));\
             row.querySelector('[data-action={action}]').click()"
        );
        browser.script::<()>(&code).await;
    };
    press("drain").await;
    // It says what will happen, and nothing does when it is cancelled.
    browser
        .shows("dialog[open]", "The other servers fire its scheduled jobs")
        .await;
    browser.click("dialog[open] .button:not(.primary)").await;
    browser.texts("dialog[open]", <[String]>::is_empty).await;
    assert_eq!(server.buckets(world).await, 128);
    press("drain").await;
    browser.click("#confirm").await;
    row(browser, &[server.address(), "0 / 256", "Drained", "Resume"]).await;
    assert_eq!(server.buckets(world).await, 0);
    press("resume").await;
    // The offer to resume it goes with it.
    let undo = |told: &[String]| !told.iter().any(|told| told.contains("Undo"));
    browser.texts(".toast", undo).await;
    row(browser, &[server.address(), "128 / 256", "Active", "Drain"]).await;
    // What was asked about may leave the list before the answer; here it dies. The page goes on, and tells.
    press("drain").await;
    browser.shows("dialog[open]", "The other servers").await;
    server.process.kill();
    browser.texts("tbody tr", |rows| rows.len() == 1).await;
    browser.click("#confirm").await;
    browser.shows(".toast .notice", "there is no server").await;
}

#[tokio::test]
async fn a_lost_connection_is_shown_and_heals() {
    let world = World::new().await;
    let [mut server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, "/instances").await;
    browser.shows(".lamp", "Live").await;
    mark(&browser).await;

    server.process.kill();
    browser.shows(".lamp", "Reconnecting").await;
    browser
        .shows(".banner", "No connection to the server since")
        .await;
    let again = world
        .server()
        .arguments(&["--listen", server.address()])
        .start()
        .await;
    browser.shows(".lamp", "Live").await;
    browser
        .texts(".banner, .notice", <[String]>::is_empty)
        .await;
    job.at(&again).trigger().await;
    row(&browser, &["settle", "Running"]).await;
    // The session is in the database: nobody had to log in again.
    assert_marked(&browser).await;
}

/// Much happens; little is asked.
#[tokio::test]
async fn a_burst_of_changes_makes_no_storm_of_requests() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app: App = world.app(&server, "shop").await;
    let client = world.client(&app, &[&server]).start().await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, "/instances").await;
    // What each page keeps current: so many lists and things.
    for (page, lists) in [
        ("/instances", 1),
        ("/overview", 2),
        ("/jobs", 1),
        ("/clients", 1),
    ] {
        browser.click(&format!("nav a[href='{page}']")).await;
        browser.shows(".lamp", "Live").await;
        let before = requests(&browser, "/api/v1/").await;
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(3) {
            let last = job.trigger_with(&Work::default()).await;
            world.ended(last, BOUND).await;
        }
        let asked = requests(&browser, "/api/v1/").await - before;
        let most = (begin.elapsed().as_secs() as usize + 2) * lists;
        assert!(
            asked <= most,
            "{page}: {asked} requests in {:?}",
            begin.elapsed()
        );
    }
    drop(client);
}

#[tokio::test]
async fn the_language_is_the_browsers_until_it_is_switched() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_browser(&server, "/clients", "zh-CN").await;
    browser.shows("button[type=submit]", "登录").await;
    browser.log_in().await;
    browser.shows("h1", "客户端").await;
    browser.shows(".empty", "没有已连接的客户端").await;
    mark(&browser).await;
    browser.click(".top button[lang]").await;
    browser.shows("h1", "Clients").await;
    browser.is_at("/clients").await;
    assert_marked(&browser).await;
    // Kept for the next time.
    browser.reload().await;
    browser.shows("h1", "Clients").await;
    let language: String = browser.script("return document.documentElement.lang").await;
    assert_eq!(language, "en");
}

#[tokio::test]
async fn themes_and_unknown_addresses() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let browser = given_viewer(&server, "/no/such/page").await;
    browser.shows("h1", "There is no such page").await;
    browser.click(".empty a").await;
    browser.is_at("/overview").await;
    browser.shows("h1", "Overview").await;

    let background = async || -> String {
        browser
            .script("return getComputedStyle(document.documentElement).backgroundColor")
            .await
    };
    let mut seen = vec![background().await];
    for _ in 0..2 {
        browser.click("#theme").await;
        seen.push(background().await);
    }
    assert_ne!(seen[1], seen[2], "light, then dark");
    browser.reload().await;
    browser.shows("h1", "Overview").await;
    assert_eq!(background().await, seen[2], "the choice is kept");
    assert_eq!(browser.errors(is_refusal).await, [""; 0]);
    let links: Vec<String> = browser
        .script("return [...document.querySelectorAll('a[href]')].map((link) => link.pathname)")
        .await;
    for link in links {
        let status = wait_until(&link, BOUND, async || {
            let url = format!("{}{link}", server.url());
            let answer = reqwest::Client::new()
                .get(url)
                .header("accept", "text/html")
                .send()
                .await;
            answer
                .map(|answer| answer.status().as_u16())
                .map_err(|error| error.to_string())
        })
        .await;
        assert_eq!(status, 200, "{link}");
    }
}
