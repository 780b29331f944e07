//! Keys: the palette, and the letters that lead to pages.

use antares_tests::World;

use super::{assert_marked, given_viewer, mark};

#[tokio::test]
async fn a_job_is_a_few_keys_away_and_so_is_every_page() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle-orders", |_| {}).await;
    let browser = given_viewer(&server, "/overview").await;
    browser.element("#palette-open").await;
    mark(&browser).await;
    let press = async |target: &str, key: &str, ctrl: bool| {
        let code = format!(
            "{target}.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', ctrlKey: {ctrl}, bubbles: true, cancelable: true }}))"
        );
        browser.script::<Option<bool>>(&code).await;
    };
    press("document.body", "k", true).await;
    browser.fill("#palette", "no such thing").await;
    browser
        .shows("dialog[open] [role=status]", "Nothing matches")
        .await;
    browser.fill("#palette", "settle-ord").await;
    browser
        .shows("#palette-items li[aria-selected=true]", "settle-orders")
        .await;
    press("document.querySelector('#palette')", "Enter", false).await;
    browser.is_at(&format!("/jobs/{}", job.id)).await;
    let instance = job.trigger().await;
    press("document.body", "k", true).await;
    browser.fill("#palette", &format!("#{instance}")).await;
    browser
        .shows("#palette-items li[aria-selected=true]", "Instance #")
        .await;
    press("document.querySelector('#palette')", "Enter", false).await;
    browser.is_at(&format!("/instances/{instance}")).await;
    press("document.body", "g", false).await;
    press("document.body", "s", false).await;
    browser.is_at("/servers").await;
    // The search of a list, and what the keys are.
    press("document.body", "g", false).await;
    press("document.body", "j", false).await;
    browser.is_at("/jobs").await;
    browser.element("#filter-search").await;
    press("document.body", "/", false).await;
    let focused: String = browser.script("return document.activeElement.id").await;
    assert_eq!(focused, "filter-search");
    // A letter that is typed into a field leads nowhere.
    press("document.activeElement", "g", false).await;
    press("document.activeElement", "s", false).await;
    browser.is_at("/jobs").await;
    press("document.body", "?", false).await;
    browser.shows("dialog[open]", "g").await;
    // Keys lead nowhere while a dialog asks.
    press("document.body", "g", false).await;
    press("document.body", "s", false).await;
    browser.key("\u{e00c}").await;
    browser.texts("dialog[open]", <[String]>::is_empty).await;
    browser.is_at("/jobs").await;
    press("document.body", "g", false).await;
    press("document.body", "s", false).await;
    browser.is_at("/servers").await;
    browser.click("#theme").await;
    browser.is_at("/servers").await;
    // The other language, on the same page.
    browser.click("#language").await;
    browser.shows("h1", "服务器").await;
    browser.is_at("/servers").await;
    assert_marked(&browser).await;
}
