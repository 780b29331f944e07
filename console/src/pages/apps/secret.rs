//! The secret of an app, once, with what to do with it.

use antares_protocol::app::AppWithSecret;
use leptos::prelude::*;

use crate::components::copy::Copy;
use crate::components::dialog::Modal;
use crate::i18n::use_i18n;

/// The secret that was made last, until it is put away.
#[derive(Clone, Copy)]
pub(super) struct Secret(pub(super) RwSignal<Option<AppWithSecret>>);

/// How to start a client. The first and the last are built with the SDK, the second is run by a test.
const SNIPPETS: [(&str, &str); 3] = [
    ("Rust", include_str!("../../../../client/examples/start.rs")),
    ("curl", include_str!("start.sh")),
    (
        "Script worker",
        include_str!("../../../../client/examples/start_scripts.rs"),
    ),
];

/// The dialog. What it shows is gone with it.
#[component]
pub(super) fn ShownSecret(shown: RwSignal<Option<AppWithSecret>>) -> impl IntoView {
    let i18n = use_i18n();
    let open = RwSignal::new(false);
    Effect::new(move || open.set(shown.with(Option::is_some)));
    Effect::new(move || {
        if !open.get() && shown.with_untracked(Option::is_some) {
            shown.set(None);
        }
    });
    let title = Signal::derive(move || {
        shown.with(|shown| {
            let name = shown.as_ref().map(|made| made.app.name.clone());
            (i18n.texts().apps.secret_title)(&name.unwrap_or_default())
        })
    });
    view! {
        <Modal open title stays=true>
            {move || shown.get().map(|made| view! { <Told made /> })}
            <div class="form-buttons">
                <button type="button" id="secret-kept" class="button primary" on:click=move |_| open.set(false)>
                    {i18n.text(|t| t.apps.secret_kept)}
                </button>
            </div>
        </Modal>
    }
}

#[component]
fn Told(made: AppWithSecret) -> impl IntoView {
    let i18n = use_i18n();
    let url = window().location().origin().unwrap_or_default();
    let chosen = RwSignal::new(0);
    let filled = move |text: &str, made: &AppWithSecret| {
        text.replace("{app}", &made.app.name)
            .replace("{secret}", &made.secret)
            .replace("{url}", &url)
    };
    let texts: Vec<String> = SNIPPETS
        .iter()
        .map(|(_, text)| filled(text, &made))
        .collect();
    let texts = StoredValue::new(texts);
    let tabs = SNIPPETS
        .iter()
        .enumerate()
        .map(|(index, (name, _))| {
            view! {
                <button
                    type="button"
                    class="tab"
                    aria-pressed=move || (chosen.get() == index).to_string()
                    on:click=move |_| chosen.set(index)
                >
                    {*name}
                </button>
            }
        })
        .collect_view();
    let text = Signal::derive(move || texts.with_value(|texts| texts[chosen.get()].clone()));
    view! {
        <p>{i18n.text(|t| t.apps.secret_text)}</p>
        <p class="secret">
            <code id="secret">{made.secret.clone()}</code>
            <Copy text=Signal::stored(made.secret) />
        </p>
        <h3>{i18n.text(|t| t.apps.start_client)}</h3>
        <div class="tabs">{tabs}</div>
        <div class="snippet">
            <pre tabindex="0">{text}</pre>
            <Copy text />
        </div>
    }
}
