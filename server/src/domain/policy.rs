//! Which policies of a definition are allowed: who runs it, what it follows, and its limits.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use antares_protocol::job::JobSpec;
use antares_protocol::policy::{Assignment, Backoff, Join, Pass, Sharding};

use super::job::{FieldError, refuse, visible};

/// Priorities of jobs and triggers.
pub const PRIORITIES: RangeInclusive<i16> = -1000..=1000;

/// Checks the policies of a definition.
pub fn validate(spec: &JobSpec) -> Result<(), FieldError> {
    if !PRIORITIES.contains(&spec.priority) {
        let message = format!("{} is not allowed; give -1000 to 1000", spec.priority);
        return refuse("priority", &message);
    }
    if spec.depends_on.len() > 100 {
        return refuse("depends_on", "has more than 100 entries; follow fewer jobs");
    }
    for dependency in &spec.depends_on {
        visible("depends_on", &dependency.job, 200)?;
        if let Some(app) = &dependency.app {
            visible("depends_on", app, 200)?;
        }
    }
    let passing = spec.depends_on.iter();
    let passing = passing.filter(|dependency| dependency.pass != Pass::Nothing);
    if spec.join == Join::All && passing.count() > 1 {
        return refuse(
            "depends_on",
            "passes something from more than one entry; with join \"all\" one may, the others pass \"nothing\"",
        );
    }
    if let Assignment::Chosen(chosen) = &spec.assignment {
        if chosen.hosts.is_empty() && chosen.ips.is_empty() && chosen.labels.is_empty() {
            return refuse(
                "assignment.chosen",
                "chooses nobody in particular; give hosts, ips or labels, or use any or nobody",
            );
        }
        if chosen.hosts.len() + chosen.ips.len() + chosen.labels.len() > 1000 {
            return refuse(
                "assignment.chosen",
                "has more than 1000 entries; use a label",
            );
        }
    }
    if let Assignment::Chosen(chosen) = &spec.assignment {
        for host in &chosen.hosts {
            visible("assignment.chosen.hosts", host, 500)?;
        }
        if let Some(ip) = chosen.ips.iter().find(|ip| ip.parse::<IpAddr>().is_err()) {
            return refuse(
                "assignment.chosen.ips",
                format!("`{ip}` is no IP address; give one such as 10.0.0.7"),
            );
        }
        for name in chosen.labels.keys() {
            visible("assignment.chosen.labels", name, 200)?;
        }
    }
    if let Some(retry) = &spec.retry
        && retry.backoff == Backoff::Exponential
        && retry.max_delay_ms < retry.delay_ms
    {
        return refuse(
            "retry.max_delay_ms",
            "is less than delay_ms; give at least as much",
        );
    }
    if spec.limits.len() > 10 {
        return refuse("limits", "has more than 10 names; give fewer");
    }
    for (index, name) in spec.limits.iter().enumerate() {
        visible("limits", name, 200)?;
        if spec.limits[..index].contains(name) {
            return refuse("limits", "names a limit twice; name it once");
        }
    }
    if spec.max_running_shards > 1_000_000 {
        let most = spec.max_running_shards;
        let message = format!("{most} is not allowed; give 0 for no limit, or 1 to 1000000");
        return refuse("max_running_shards", &message);
    }
    if let Sharding::Planned(handler) = &spec.sharding {
        visible("sharding.planned", handler, 200)?;
    }
    Ok(())
}
