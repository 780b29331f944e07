//! New instances → clients that wait.

use super::board::Known;
use super::hint::Hint;
use crate::app::App;
use crate::store::shard::Ready;

/// Offers instances, which are committed, to the clients that wait here, and lets the other replicas know.
pub fn offer(app: &App, instances: Vec<Ready>) {
    let Some(lowest) = instances.iter().map(|ready| ready.id).min() else {
        return;
    };
    let known: Option<Vec<Known>> = instances
        .into_iter()
        .map(|ready| {
            let job = app.jobs.known(ready.job_id, ready.job_version)?;
            Some(Known::new(ready, job))
        })
        .collect();
    let hint = Hint::ready(lowest);
    match known {
        Some(known) => {
            if app.claimer.offer(known) {
                app.hints.send_to_others(&hint);
            }
        }
        // The claimer reads the definitions when it looks for instances.
        None => app.hints.send(&hint),
    }
}
