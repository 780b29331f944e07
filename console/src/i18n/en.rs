//! English.

use super::Texts;

pub(super) const TEXTS: Texts = Texts {
    other_language: "中文",
    other_language_tag: "zh-CN",
    theme_system: "Theme: as the system",
    theme_light: "Theme: light",
    theme_dark: "Theme: dark",
    skip_to_content: "Skip to the content",
    main_menu: "Main menu",
    loading: "Loading…",
    try_again: "Try again",
    none: "none",

    tagline: "Distributed job scheduling",
    log_in: "Log in",
    logging_in: "Logging in…",
    log_out: "Log out",
    logged_in_as: |user| format!("Logged in as {user}"),
    user: "User",
    password: "Password",
    first_password: "The first administrator is “admin”. Its password came from the environment, or was \
        printed once when the server first started.",

    live: "Live",
    live_hint: "This page shows changes as they happen.",
    opening: "Connecting…",
    reconnecting: "Reconnecting…",
    lost_since: |time| {
        format!("No connection to the server since {time}. What you see may be old. Reconnecting…")
    },

    unreachable: "The server cannot be reached.",
    unexpected: |what| format!("The server's answer was not understood: {what}"),
    session_unknown: "Whether you are logged in is not known yet.",
    not_refreshed: "The list could not be refreshed; trying again.",
    not_logged_out: "You are still logged in.",

    first_page: "First page",
    next_page: "Next page",
    pages: "Pages",
    api_description: "Description of the API",

    not_found: "There is no such page",
    not_found_hint: "The address may be mistyped, or what it led to is gone.",
    to_jobs: "Go to the jobs",

    jobs: "Jobs",
    instances: "Instances",
    servers: "Servers",
    clients: "Clients",

    name: "Name",
    app: "App",
    state: "State",
    schedule: "Schedule",
    on_demand: "on demand",
    script: "script",
    previous_fire: "Previous fire",
    next_fire: "Next fire",
    queued: "Queued",
    running: "Running",
    version: "Version",
    within: |time| format!("in {time}"),
    due: "due",
    no_jobs: "No jobs yet",
    no_jobs_hint: "Create an app with POST /api/v1/apps and a job in it with POST /api/v1/jobs. It appears \
        here at once. “cargo xtask demo” starts an installation with jobs in it.",

    disabled: "Disabled",
    stopped: "Stopped",
    waiting: "Waiting",
    paused: "Paused",
    succeeded: "Succeeded",
    failed: "Failed",
    terminated: "Terminated",
    timed_out: "Timed out",

    job: "Job",
    trigger: "Trigger",
    by_schedule: "Schedule",
    by_api: "API",
    by_dependency: "Dependency",
    by_backfill: "Backfill",
    by_rerun: "Rerun",
    by_plan: "Plan",
    by_other: "Other",
    scheduled: "Scheduled",
    fired: "Fired",
    ended: "Ended",
    duration: "Duration",
    progress: "Progress",
    n_succeeded: |count| format!("{count} succeeded"),
    n_failed: |count| format!("{count} failed"),
    n_cancelled: |count| format!("{count} cancelled"),
    late_by: |time| format!("{time} late"),
    no_instances: "Nothing has fired yet",
    no_instances_hint: "A job with a schedule fires when it is due: the jobs page shows when. A job on demand \
        fires with POST /api/v1/jobs/{id}/trigger.",

    host: "Host",
    pid: "PID",
    address: "Address",
    buckets: "Buckets",
    started: "Started",
    active: "Active",
    draining: "Draining",
    no_servers: "No server holds a lease",
    no_servers_hint: "The server that sent this page has not registered yet, or has lost its lease. Its log \
        and /readyz say why.",

    sdk: "SDK",
    handlers: "Handlers",
    slots: "Slots",
    registered: "Registered",
    no_clients: "No client is connected",
    no_clients_hint: "Start a process that links antares-client with the name and secret of its app and the \
        address of this server. Until one is there, shards wait.",
};
