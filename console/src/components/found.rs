//! Pages about one thing, which may not be there.

use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::notice::Notice;
use crate::api::ApiError;
use crate::hooks::current::Current;
use crate::i18n::use_i18n;
use crate::pages::{Missing, NotFound};

/// The page of the id in the address.
pub(crate) fn by_id(page: fn(i64) -> AnyView) -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id")?.parse::<i64>().ok()));
    move || match id.get() {
        Some(id) => page(id),
        None => view! { <NotFound /> }.into_any(),
    }
}

/// Shows what is kept current, once it is there; until then that it is being loaded, or is not there at all.
pub(crate) fn found<T: Clone + Send + Sync + 'static>(
    current: Current<T>,
    show: impl Fn(Signal<T>) -> AnyView + Send + 'static,
) -> impl IntoView {
    let i18n = use_i18n();
    let is_there = Memo::new(move |_| current.value.with(Option::is_some));
    let missing = Memo::new(move |_| {
        current.error.with(|error| match error {
            Some(error @ ApiError::Problem(problem)) if error.is_not_found() => {
                Some(problem.detail.clone())
            }
            _ => None,
        })
    });
    move || {
        if let Some(said) = missing.get() {
            return view! { <Missing said=Some(said) /> }.into_any();
        }
        if !is_there.get() {
            return view! {
                <p class="list-count" role="status" aria-busy="true">{i18n.text(|t| t.loading)}</p>
                {move || current.error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
            }
            .into_any();
        }
        // It is there from now on: what is shown follows it.
        show(Signal::derive(move || {
            current
                .value
                .with(Clone::clone)
                .expect("what was there is not taken away")
        }))
    }
}
