//! Pictures of every page of the console, light and dark, on real servers with real clients that have worked a while.

use std::path::{Path, PathBuf};

use antares_protocol::job::JobSpec;
use antares_protocol::policy::{Dependency, DependencyOn, Pass};
use antares_protocol::schedule::Overlap;
use antares_tests::browser::Browser;
use antares_tests::{App, BOUND, End, Job, Server, Work, World, wait_until};
use serde_json::{Value, json};

/// Name of a picture, and the page, where `{job}` and `{instance}` are ids.
const PAGES: &[(&str, &str)] = &[
    ("overview", "/overview"),
    ("jobs", "/jobs"),
    ("job", "/jobs/{job}"),
    ("job-why", "/jobs/{job}?tab=why"),
    ("job-versions", "/jobs/{job}?tab=versions"),
    ("instances", "/instances"),
    ("instance", "/instances/{instance}"),
    ("job-new", "/jobs/new"),
    ("job-edit", "/jobs/{job}/edit"),
    ("dependencies", "/dependencies"),
    ("apps", "/apps"),
    ("calendars", "/calendars"),
    ("limits", "/limits"),
    ("servers", "/servers"),
    ("clients", "/clients"),
];

#[tokio::main]
async fn main() {
    let folder = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .expect("the first argument is the folder of the pictures");
    let world = World::new().await;
    let servers = world.servers::<2>().await;
    let shop = world.app(&servers[0], "shop").await;
    let billing = world.app(&servers[0], "billing").await;
    let both = servers.each_ref();
    let clients = [
        world.client(&shop, &both).start().await,
        world.client(&shop, &both).start().await,
        world.client(&billing, &both).start().await,
    ];
    let gate = world.gate("settling");
    let (job, instance) = work(&world, &servers[0], &shop, &billing, &gate.work()).await;

    let browser = Browser::start("en-US").await;
    browser.go(&format!("{}/login", servers[0].url())).await;
    picture(&browser, &folder, "login").await;
    browser.log_in().await;
    browser.element("nav.menu").await;
    for (name, path) in PAGES {
        let path = path
            .replace("{job}", &job.to_string())
            .replace("{instance}", &instance.to_string());
        browser.go(&format!("{}{path}", servers[0].url())).await;
        picture(&browser, &folder, name).await;
    }
    drop(clients);
}

/// Takes both pictures of a page, once nothing is being loaded.
async fn picture(browser: &Browser, folder: &Path, name: &str) {
    for theme in ["light", "dark"] {
        let code = format!(
            "localStorage.setItem('antares.theme', '{theme}'); document.documentElement.dataset.theme = '{theme}'"
        );
        browser.script::<Value>(&code).await;
        wait_until(name, BOUND, async || {
            let code = "return !!document.querySelector('h1') && !document.querySelector('[aria-busy=true]')";
            if browser.script::<bool>(code).await {
                Ok(())
            } else {
                Err("it is being loaded")
            }
        })
        .await;
        browser
            .screenshot(&folder.join(format!("{name}-{theme}.png")))
            .await;
    }
}

/// Makes jobs of all sorts and lets them run; returns a job and its instance that is under way.
async fn work(
    world: &World,
    server: &Server,
    shop: &App,
    billing: &App,
    held: &Work,
) -> (i64, i64) {
    let failing = Work {
        end: End::Fail("the bank refused the transfer: limit exceeded".to_owned()),
        ..Work::default()
    };
    let make = async |app: &App, name: &str, change: &dyn Fn(&mut JobSpec)| -> Job {
        app.job(name, |spec| {
            spec.handler = Some("work".to_owned());
            spec.overlap = Overlap::Queue(10);
            change(spec);
        })
        .await
    };
    let settle = make(shop, "settle-orders", &|spec| {
        spec.description = "Settles the orders of the day, by region".into();
        spec.cron = Some("0 30 2 * * ?".to_owned());
        spec.time_zone = "Europe/Berlin".into();
        spec.shard_count = 40;
        spec.max_shards_per_client = 10;
        spec.shard_params = (0..40)
            .map(|item| match item {
                7 => json!(failing),
                20.. => json!(held),
                _ => json!(Work::default()),
            })
            .collect();
        spec.allowed_failures = 2;
    })
    .await;
    let quick = make(shop, "refresh-prices", &|spec| {
        spec.fixed_rate_ms = Some(60_000);
        spec.shard_count = 4;
    })
    .await;
    let bad = make(billing, "dun-debtors", &|spec| {
        spec.cron = Some("0 0 8 ? * MON-FRI".to_owned());
        spec.shard_params = vec![json!(failing)];
    })
    .await;
    make(billing, "invoices", &|spec| {
        spec.cron = Some("0 15 10 ? * 6L".to_owned());
    })
    .await;
    make(shop, "report", &|spec| {
        spec.description = "Follows the settlement".into();
        spec.depends_on = vec![
            Dependency {
                app: None,
                job: "settle-orders".to_owned(),
                on: DependencyOn::Completion,
                pass: Pass::Outputs,
            },
            Dependency {
                app: Some("billing".to_owned()),
                job: "invoices".to_owned(),
                on: DependencyOn::Success,
                pass: Pass::Nothing,
            },
        ];
    })
    .await;
    make(billing, "archive", &|spec| {
        spec.depends_on = vec![Dependency {
            app: Some("shop".to_owned()),
            job: "report".to_owned(),
            on: DependencyOn::Success,
            pass: Pass::Nothing,
        }];
    })
    .await;
    let holidays = json!({
        "name": "holidays", "time_zone": "Europe/Berlin", "description": "Public holidays",
        "dates": [{ "date": "2026-12-25", "yearly": true, "label": "Christmas" }],
        "weekly": [{ "days": ["Sat", "Sun"], "label": "weekend" }],
    });
    let _: Value = server.admin().post("/api/v1/calendars", &holidays).await;
    for job in [&quick, &quick, &quick, &bad, &bad] {
        let instance = job.trigger().await;
        world.ended(instance, BOUND).await;
    }
    let instance = settle.trigger().await;
    world.begun(instance, 40).await;
    (settle.id, instance)
}
