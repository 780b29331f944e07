//! Logging in.

use antares_protocol::session::Login;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::use_title;
use crate::api::ApiError;
use crate::app::{HOME, LOGIN};
use crate::components::icon::Mark;
use crate::components::notice::Notice;
use crate::components::preferences::Preferences;
use crate::hooks::auth::use_auth;
use crate::i18n::use_i18n;

/// The page.
#[component]
pub(crate) fn LoginPage() -> impl IntoView {
    let auth = use_auth();
    let i18n = use_i18n();
    let query = use_query_map();
    let navigate = use_navigate();
    use_title(|t| t.log_in);

    // By logging in here, or by being logged in already.
    Effect::new(move || {
        if auth.is_user() {
            let next = query.with_untracked(|query| query.get("next"));
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            navigate(&own_page(next), options);
        }
    });

    let user = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let pending = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let value = |input: NodeRef<Input>| {
        input
            .get_untracked()
            .map(|input| input.value())
            .unwrap_or_default()
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if pending.get_untracked() {
            return;
        }
        pending.set(true);
        error.set(None);
        let login = Login {
            user: value(user).trim().to_owned(),
            password: value(password),
        };
        spawn_local(async move {
            // After success the page, and with it these signals, is gone.
            if let Err(problem) = auth.login(login).await {
                error.set(Some(problem));
                pending.set(false);
                if let Some(input) = password.get_untracked() {
                    input.select();
                }
            }
        });
    };

    view! {
        <div class="login">
            <header class="login-top">
                <Preferences />
            </header>
            <main class="login-card">
                <div class="login-brand">
                    <Mark />
                    <h1>"Antares"</h1>
                    <p>{i18n.text(|t| t.tagline)}</p>
                </div>
                <Show when=move || auth.has_ended()>
                    <p class="banner" role="status">{i18n.text(|t| t.session_ended)}</p>
                </Show>
                <form on:submit=submit>
                    <label for="user">{i18n.text(|t| t.user)}</label>
                    <input
                        id="user"
                        name="user"
                        autocomplete="username"
                        autocapitalize="none"
                        spellcheck="false"
                        required
                        autofocus
                        node_ref=user
                    />
                    <label for="password">{i18n.text(|t| t.password)}</label>
                    <input
                        id="password"
                        name="password"
                        type="password"
                        autocomplete="current-password"
                        required
                        node_ref=password
                    />
                    {move || error.get().map(|error| view! { <Notice error=Signal::stored(error) /> })}
                    <button type="submit" class="button primary" prop:disabled=pending>
                        {move || if pending.get() { i18n.texts().logging_in } else { i18n.texts().log_in }}
                    </button>
                </form>
                <p class="login-hint">{i18n.text(|t| t.first_password)}</p>
            </main>
        </div>
    }
}

/// Where to go after login. `next` comes with the address and may have been made by anybody: it must stay
/// within the console.
fn own_page(next: Option<String>) -> String {
    next.filter(|next| {
        next.starts_with('/')
            && !next[1..].starts_with(['/', '\\'])
            && !next.starts_with(LOGIN)
            && !next.contains(char::is_control)
    })
    .unwrap_or_else(|| HOME.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_leads_to_pages_of_the_console_only() {
        let page = |next: &str| own_page(Some(next.to_owned()));
        assert_eq!(page("/instances?after=7"), "/instances?after=7");
        for other in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "/login?next=/login",
            "/\t/evil",
        ] {
            assert_eq!(page(other), HOME, "{other:?}");
        }
        assert_eq!(own_page(None), HOME);
    }
}
