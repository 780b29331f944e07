//! The editor: nothing that was typed is lost, and whoever was quicker is not overwritten unseen.

use antares_protocol::job::JobSpec;
use antares_protocol::policy::Assignment;
use antares_tests::{BOUND, World, wait_until};

use super::{assert_marked, given_viewer, is_focused, mark};

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
    // So does whoever cancels, once asked.
    browser.fill("#cron", "0 30 5 * * ?").await;
    browser.shows("#words", "at 05:30 every day").await;
    browser.click("#cancel").await;
    browser
        .shows("dialog[open]", "Discard what you changed?")
        .await;
    browser.click("dialog[open] .button:not(.primary)").await;
    assert_eq!(browser.script::<String>(cron).await, "0 30 5 * * ?");
    browser.click("#cancel").await;
    browser.click("#confirm").await;
    browser.is_at(&format!("/jobs/{}", job.id)).await;
    browser.go(&format!("{}{page}", server.url())).await;
    browser.element("#cron").await;
    browser.texts(".restored", <[String]>::is_empty).await;
}

#[tokio::test]
async fn a_draft_keeps_what_cannot_be_read() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let page = format!("/jobs/{}/edit", job.id);
    let browser = given_viewer(&server, &page).await;
    let typed = [
        ("#param", "{oops", "{\"a\": 1}"),
        ("textarea#shard-params", "nothing", "0=A"),
        ("#instance-timeout", "90 x", "90 s"),
        ("#priority", "5000", "5"),
    ];
    let unfold = "document.querySelectorAll('details').forEach((part) => { part.open = true })";
    browser.script::<Option<bool>>(unfold).await;
    // From the table to the text.
    browser
        .click(".field:has(#shard-params) button[aria-pressed]")
        .await;
    for (id, wrong, _) in typed {
        browser.fill(id, wrong).await;
        browser
            .element(&format!(".field:has({id}) .field-error"))
            .await;
    }
    browser.click("nav a[href='/servers']").await;
    browser.is_at("/servers").await;
    browser.go(&format!("{}{page}", server.url())).await;
    browser.shows(".restored", "not saved").await;
    browser.script::<Option<bool>>(unfold).await;
    for (id, wrong, right) in typed {
        let held: String = browser
            .script(&format!("return document.querySelector('{id}').value"))
            .await;
        // Where the driver empties a length of time, a 0 is written first.
        assert!(held.ends_with(wrong), "{held}");
        let fault = format!(".field:has({id}) .field-error");
        browser.element(&fault).await;
        browser.click("#save").await;
        is_focused(
            &browser,
            id.trim_start_matches("textarea").trim_start_matches('#'),
        )
        .await;
        browser.fill(id, right).await;
        browser.texts(&fault, <[String]>::is_empty).await;
    }
    browser.click("#save").await;
    browser.shows("h1", "settle").await;
    let saved = job.view().await.spec;
    assert_eq!((saved.priority, saved.instance_timeout_ms), (5, 90_000));
    assert_eq!(saved.shard_params, ["A"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_saved_and_a_fault_is_shown_where_it_is() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| {
            spec.shard_count = 2;
            spec.shard_params = vec!["a".into(), "b".into()];
        })
        .await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    // Text that was meant to be JSON is still text, and is said to be.
    let told = ".shard-rows .field-hint";
    browser.fill("#shard-param-1", "{bad").await;
    browser.key("\u{e004}").await;
    browser.shows(told, "begins like JSON").await;
    browser.fill("#shard-param-1", "{\"k\": 1}").await;
    browser.key("\u{e004}").await;
    browser.texts(told, <[String]>::is_empty).await;
    browser
        .click(".field:has(#shard-params) .buttons .button")
        .await;
    browser
        .fill("textarea#shard-params", "0=keep\n3=new\njunk")
        .await;
    browser
        .shows(".field:has(#shard-params) .field-error", "junk")
        .await;
    browser.click("#save").await;
    is_focused(&browser, "shard-params").await;
    let typed: String = browser
        .script("return document.querySelector('#shard-params').value")
        .await;
    assert_eq!(typed, "0=keep\n3=new\njunk");
    assert_eq!(job.view().await.version, 1);
    browser.fill("textarea#shard-params", "0=keep\n1=new").await;
    // A fault in a part that is folded away unfolds it.
    let fold = "const part = document.querySelector('#priority').closest('details'); part.open = false; return part.open";
    browser.click("details:has(#priority) summary").await;
    browser.fill("#priority", "5000").await;
    let is_open: bool = browser.script(fold).await;
    assert!(!is_open);
    browser.click("#save").await;
    is_focused(&browser, "priority").await;
    browser
        .shows(".field:has(#priority) .field-error", "1000")
        .await;
    // Of what stands there now one thing is wrong.
    browser.fill("#priority", "-1001").await;
    browser.key("\u{e004}").await;
    let one = |told: &[String]| told.len() == 1 && told[0].contains("from -1000 to 1000");
    browser
        .texts(".field:has(#priority) .field-error", one)
        .await;
    // What is mended is blamed no longer.
    browser.fill("#priority", "7").await;
    browser.key("\u{e004}").await;
    browser.texts(".notice", <[String]>::is_empty).await;
    // Fields are called as on the page, and one complaint stands in one place.
    browser.click("details:has(#retry) summary").await;
    browser.click("#retry option[value=exponential]").await;
    browser.fill("#retry-max", "1 s").await;
    browser.click("#save").await;
    browser
        .shows(".field:has(#retry-max) .field-error", "is less than “Wait”")
        .await;
    browser
        .texts(".field:has(#retry) .field-error", <[String]>::is_empty)
        .await;
    browser.click("#retry option[value=no]").await;
    browser.texts(".field-error", <[String]>::is_empty).await;
    browser.click("#save").await;
    browser.shows("h1", "settle").await;
    let saved = job.view().await.spec;
    assert_eq!((saved.priority, saved.shard_count), (7, 2));
    assert_eq!(saved.shard_params[1], "new");
}

#[tokio::test]
async fn what_is_typed_is_not_saved_as_something_else() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    // An instant, a number, an integer: each stays, with what is wrong, and nothing is saved.
    let refused = async |id: &str, text: &str, told: &str, right: &str| {
        browser.fill(id, text).await;
        browser.key("\u{e004}").await;
        let fault = format!(".field:has({id}) .field-error");
        browser.shows(&fault, told).await;
        // It stays as it was typed, also when another field changes.
        browser.fill("#description", &format!("beside {id}")).await;
        let held: String = browser
            .script(&format!("return document.querySelector('{id}').value"))
            .await;
        assert_eq!(held, text);
        browser.click("#save").await;
        is_focused(&browser, &id[1..]).await;
        assert_eq!(job.view().await.version, 1, "{id}: {text}");
        browser.fill(id, right).await;
        browser.key("\u{e004}").await;
        browser.texts(&fault, <[String]>::is_empty).await;
    };
    refused("#max-per-client", "-1", "from 0 to 10000", "3").await;
    refused("#max-per-client", "2.5", "from 0 to 10000", "2").await;
    refused("#param", "123456789012345678901234567890", "rounded", "5").await;
    // As text the parameters of shards make no shards, and what cannot be read has no place in the table.
    let switch = ".field:has(#shard-params) button[aria-pressed]";
    browser.click(switch).await;
    let fault = ".field:has(#shard-params) .field-error";
    browser.fill("textarea#shard-params", "0=A;2=C").await;
    browser.shows(fault, "3 parameters for 1").await;
    browser.fill("textarea#shard-params", "0=A;B").await;
    browser.shows(fault, "has no `=`").await;
    browser.element(&format!("{switch}:disabled")).await;
    browser.fill("textarea#shard-params", "0=A").await;
    browser.texts(fault, <[String]>::is_empty).await;
    browser.click(switch).await;
    browser.click("details:has(#assignment) summary").await;
    browser.click("#assignment option[value=chosen]").await;
    let nobody = ".field:has(#assignment) .field-error";
    browser.shows(nobody, "nobody in particular").await;
    browser.fill("#hosts", "h1").await;
    browser.texts(nobody, <[String]>::is_empty).await;
    refused("#labels", "zone=a, zone=b", "given twice", "zone=a").await;
    refused(
        "#labels",
        "zone=a, nowhere",
        "nowhere is no label",
        "zone=a",
    )
    .await;
    browser.click("#schedule-kind option[value=at]").await;
    let at = "2099-01-01T10:00:00Z";
    refused("#at", "tomorrow", "“tomorrow” is no instant", at).await;
    refused(
        "#at",
        &format!("{at}\n2099-01-02 10:00"),
        "2099-01-02 10:00",
        at,
    )
    .await;
    browser.click("#save").await;
    browser.shows("h1", "settle").await;
    let saved = job.view().await.spec;
    assert_eq!((saved.max_shards_per_client, saved.param), (2, 5.into()));
    let Assignment::Chosen(chosen) = saved.assignment else {
        panic!("{:?}", saved.assignment);
    };
    assert_eq!(chosen.labels, [("zone".to_owned(), "a".to_owned())].into());
    assert_eq!(
        saved.at,
        [at.parse::<chrono::DateTime<chrono::Utc>>().unwrap()]
    );
}

#[tokio::test]
async fn what_is_wrong_with_one_of_several_stands_below_it() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    app.job("first", |_| {}).await;
    let job = app.job("settle", |_| {}).await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    browser.click("details:has(#add-dependency) summary").await;
    browser.click("#add-dependency").await;
    browser.click("#add-dependency").await;
    for (place, name) in [(1, "first"), (2, "nowhere")] {
        let input = format!(".dependency:nth-child({place}) input[list]");
        browser.fill(&input, name).await;
        browser.key("\u{e004}").await;
    }
    browser.click("#save").await;
    let told = "the app `shop` has no job `nowhere`";
    browser
        .shows(".dependency:nth-child(2) > .field-error", told)
        .await;
    browser.shows(".notice", "Follows 2: the app").await;
    let only = |told: &[String]| told.len() == 1;
    browser.texts(".field-error", only).await;
    // It was about what stood there before.
    browser
        .fill(".dependency:nth-child(2) input[list]", "now")
        .await;
    browser
        .texts(".field-error, .notice", <[String]>::is_empty)
        .await;
    browser.click(".dependency:nth-child(2) .button").await;
    // A schedule of the past is told before it is saved.
    browser.click("#schedule-kind option[value=at]").await;
    browser.fill("#at", "2020-01-01T10:00:00Z").await;
    browser.shows("#no-fires", "never fire by itself").await;
    browser.fill("#at", "2099-01-01T10:00:00Z").await;
    browser.texts("#no-fires", <[String]>::is_empty).await;
    browser.click("#save").await;
    browser.shows("h1", "settle").await;
    assert_eq!(job.view().await.spec.depends_on.len(), 1);
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
    // Who comes back to what is not saved is told before saving it.
    browser.reload().await;
    browser
        .shows("#outdated", "of version 1; meanwhile version 2 was saved")
        .await;
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

#[tokio::test]
async fn lengths_of_time_are_typed_in_words_and_what_is_none_is_not_saved() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.shard_timeout_ms = 90_000)
        .await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    let shown = "return document.querySelector('#shard-timeout').value";
    browser.element("#shard-timeout").await;
    assert_eq!(browser.script::<String>(shown).await, "1 m 30 s");
    let unfold = "document.querySelector('#shard-timeout').closest('details').open = true";
    browser.script::<Option<bool>>(unfold).await;
    // Of what?
    browser.fill("#shard-timeout", "90").await;
    browser.shows(".field-error", "with its unit").await;
    browser.click("#save").await;
    is_focused(&browser, "shard-timeout").await;
    browser.fill("#shard-timeout", "90min").await;
    browser.texts(".field-error", <[String]>::is_empty).await;
    browser.click("#save").await;
    browser.is_at(&format!("/jobs/{}", job.id)).await;
    let saved = job.view().await;
    assert_eq!((saved.version, saved.spec.shard_timeout_ms), (2, 5_400_000));
}

#[tokio::test]
async fn what_is_half_an_instant_is_told_and_so_is_what_is_over_or_not_there() {
    let world = World::new().await;
    let [server] = world.servers().await;
    let app = world.app(&server, "shop").await;
    let job = app
        .job("settle", |spec| spec.cron = Some("0 0 3 * * ?".into()))
        .await;
    let plain = app.job("plain", |spec| *spec = JobSpec::new("plain")).await;
    let browser = given_viewer(&server, &format!("/jobs/{}/edit", job.id)).await;
    // A day and no time: the browser gives it as nothing, which must not be saved in its place.
    browser.fill("#end-at", "1231").await;
    browser.click("h1").await;
    let fault = ".field:has(#end-at) .field-error";
    browser.shows(fault, "not complete").await;
    browser.click("#save").await;
    is_focused(&browser, "end-at").await;
    assert_eq!(job.view().await.version, 1);
    // Month and day away.
    browser.key("\u{e003}\u{e014}\u{e003}").await;
    browser.click("h1").await;
    browser.texts(fault, <[String]>::is_empty).await;
    browser.click("#schedule-kind option[value=at]").await;
    browser.fill("#at", "2020-01-01T10:00:00Z").await;
    browser.click("#save").await;
    browser.shows("#over", "its schedule has ended").await;
    browser.go(&format!("{}/jobs", server.url())).await;
    browser.shows("tbody tr:first-child", "at an instant").await;
    browser
        .shows("tbody tr:first-child .time", "its schedule has ended")
        .await;
    browser
        .go(&format!("{}/jobs/{}", server.url(), plain.id))
        .await;
    browser
        .shows(".columns .nothing", "as it is by default")
        .await;
    browser
        .go(&format!("{}/jobs/999999/edit", server.url()))
        .await;
    browser.shows(".empty", "there is no job").await;
}
