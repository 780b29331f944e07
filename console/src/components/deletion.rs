//! Deleting, after a question.

use gloo_net::http::Method;
use serde_json::json;

use super::dialog::Question;
use crate::api;
use crate::hooks::act::Act;
use crate::hooks::live::Topic;
use crate::i18n::Label;

/// Asks whether to delete what is called `name` and stands at `path` in the API; `text` tells what that means. Does `then`
/// when it is deleted.
pub(crate) fn deletion(
    act: Act,
    topic: Topic,
    path: String,
    name: String,
    text: Label,
    then: impl Fn() + Copy + Send + Sync + 'static,
) -> Question {
    let done = name.clone();
    Question::new(
        move |t| (t.job_page.delete_ask)(&name),
        move |t| text(t).to_owned(),
        |t| t.job_page.delete.to_owned(),
        move || {
            let (path, done) = (path.clone(), done.clone());
            let call = async move { api::call::<()>(Method::DELETE, &path, &json!({})).await };
            act.run_then(topic, call, move |toasts, ()| {
                then();
                toasts.good(move |t| (t.job_page.deleted)(&done));
            });
        },
    )
}
