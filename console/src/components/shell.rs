//! The frame around every page but login: top bar, menu, and the guard that only users get in.

use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::components::{A, Outlet};
use leptos_router::hooks::{use_location, use_navigate};
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::connection::{ConnectionBanner, ConnectionLamp};
use super::dialog::{self, Confirmation};
use super::icon::{Glyph, Icon, Mark};
use super::notice::Notice;
use super::palette::Palette;
use super::preferences::Preferences;
use super::run_with::{self, RunWithDialog};
use super::toast::{self, ToastStack};
use crate::api::ApiError;
use crate::app::{HOME, LOGIN};
use crate::hooks::auth::{Viewer, use_auth};
use crate::hooks::live;
use crate::i18n::{Texts, use_i18n};

/// Shows the page to users, and sends everybody else to log in and back here.
#[component]
pub(crate) fn Shell() -> impl IntoView {
    let auth = use_auth();
    let location = use_location();
    let navigate = use_navigate();
    // Set when logging out by intent: then there is nothing to come back to.
    let leaving = StoredValue::new(false);
    Effect::new(move || {
        if auth.viewer() != Viewer::Nobody {
            return;
        }
        let target = if leaving.get_value() {
            LOGIN.to_owned()
        } else {
            let here = match location.search.get_untracked() {
                search if search.is_empty() => location.pathname.get_untracked(),
                search => format!("{}?{search}", location.pathname.get_untracked()),
            };
            format!("{LOGIN}?next={}", js_sys::encode_uri_component(&here))
        };
        let options = NavigateOptions {
            replace: true,
            ..NavigateOptions::default()
        };
        navigate(&target, options);
    });
    let is_user = Memo::new(move |_| auth.is_user());
    move || {
        if is_user.get() {
            view! { <Frame leaving /> }.into_any()
        } else {
            view! { <Waiting /> }.into_any()
        }
    }
}

/// Before it is known who the viewer is.
#[component]
fn Waiting() -> impl IntoView {
    let auth = use_auth();
    let i18n = use_i18n();
    move || match auth.viewer() {
        Viewer::Unreached(error) => {
            let again = move |_| spawn_local(auth.check());
            view! {
                <div class="boot">
                    <Notice error=Signal::stored(error) meaning=|t| t.session_unknown />
                    <button type="button" class="button primary" on:click=again>
                        {i18n.text(|t| t.try_again)}
                    </button>
                </div>
            }
            .into_any()
        }
        _ => view! { <p class="boot" role="status">{i18n.text(|t| t.loading)}</p> }.into_any(),
    }
}

#[component]
fn Frame(leaving: StoredValue<bool>) -> impl IntoView {
    let i18n = use_i18n();
    live::provide();
    toast::provide();
    dialog::provide();
    run_with::provide();
    let logout_error = RwSignal::new(None::<ApiError>);
    let menu = NodeRef::<html::Nav>::new();
    let path = use_location().pathname;
    // On a phone the entry of the page may lie beyond the edge.
    Effect::new(move || {
        path.track();
        request_animation_frame(move || {
            if let Some(menu) = menu.get_untracked() {
                show_chosen(&menu);
            }
        });
    });
    view! {
        <a class="skip" href="#content" rel="external">{i18n.text(|t| t.skip_to_content)}</a>
        <header class="top">
            <A href=HOME attr:class="brand">
                <Mark />
                "Antares"
            </A>
            <ConnectionLamp />
            <span class="top-space"></span>
            <Palette />
            <Preferences />
            <LogOut leaving error=logout_error />
        </header>
        <nav class="menu" node_ref=menu aria-label=i18n.text(|t| t.main_menu)>
            <MenuItem href="/overview" glyph=Glyph::Overview text=|t| t.overview.title />
            <MenuItem href="/jobs" glyph=Glyph::Jobs text=|t| t.jobs />
            <MenuItem href="/instances" glyph=Glyph::Instances text=|t| t.instances />
            <MenuItem href="/dependencies" glyph=Glyph::Dependencies text=|t| t.graph.title />
            <MenuItem href="/apps" glyph=Glyph::Apps text=|t| t.apps.title />
            <MenuItem href="/calendars" glyph=Glyph::Calendars text=|t| t.calendars.title />
            <MenuItem href="/limits" glyph=Glyph::Limits text=|t| t.limits.title />
            <MenuItem href="/servers" glyph=Glyph::Servers text=|t| t.servers />
            <MenuItem href="/clients" glyph=Glyph::Clients text=|t| t.clients />
        </nav>
        <main id="content" class="content" tabindex="-1">
            <ConnectionBanner />
            {move || logout_error.get().map(|error| {
                view! { <Notice error=Signal::stored(error) meaning=|t| t.not_logged_out /> }
            })}
            <Outlet />
        </main>
        <Confirmation />
        <RunWithDialog />
        <ToastStack />
    }
}

/// Scrolls a menu that is wider than its frame to the entry of the page.
fn show_chosen(menu: &HtmlElement) {
    let chosen = menu.query_selector("[aria-current]").ok().flatten();
    if let Some(chosen) = chosen.and_then(|chosen| chosen.dyn_into::<HtmlElement>().ok()) {
        let room = menu.client_width() - chosen.offset_width();
        menu.set_scroll_left(chosen.offset_left() - room / 2);
    }
}

#[component]
fn MenuItem(
    /// Where it leads.
    href: &'static str,
    glyph: Glyph,
    text: fn(&Texts) -> &'static str,
) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <A href=href attr:class="menu-item">
            <Icon glyph />
            <span>{i18n.text(text)}</span>
        </A>
    }
}

#[component]
fn LogOut(leaving: StoredValue<bool>, error: RwSignal<Option<ApiError>>) -> impl IntoView {
    let auth = use_auth();
    let i18n = use_i18n();
    let pending = RwSignal::new(false);
    let log_out = move |_| {
        pending.set(true);
        leaving.set_value(true);
        spawn_local(async move {
            let outcome = auth.logout().await;
            // After success the frame, and with it these signals, is gone.
            if let Err(problem) = outcome {
                leaving.set_value(false);
                error.set(Some(problem));
                pending.set(false);
            }
        });
    };
    let user = move || match auth.viewer() {
        Viewer::User(session) => session.user,
        _ => String::new(),
    };
    view! {
        <span class="who" title=move || (i18n.texts().logged_in_as)(&user())>{user}</span>
        <button
            type="button"
            id="log-out"
            class="button ghost"
            aria-label=i18n.text(|t| t.log_out)
            title=i18n.text(|t| t.log_out)
            prop:disabled=pending
            on:click=log_out
        >
            <Icon glyph=Glyph::LogOut />
        </button>
    }
}
