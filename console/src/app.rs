//! The root: what every page can count on, and which page stands where.

use leptos::prelude::*;
use leptos_router::components::{ParentRoute, Redirect, Route, Router, Routes};
use leptos_router::path;

use crate::components::shell::Shell;
use crate::hooks::{auth, clock, theme};
use crate::i18n;
use crate::pages::{
    Apps, Calendars, Clients, Dependencies, EditJob, InstancePage, Instances, JobPage, Jobs,
    Limits, LoginPage, NewJob, NotFound, OverviewPage, Servers,
};

/// Where the console starts.
pub(crate) const HOME: &str = "/overview";

/// Where logging in happens.
pub(crate) const LOGIN: &str = "/login";

/// The console.
#[component]
pub(crate) fn App() -> impl IntoView {
    i18n::provide();
    theme::provide();
    clock::provide();
    auth::provide();
    view! {
        <Router>
            <Routes fallback=NotFound>
                <Route path=path!("/login") view=LoginPage />
                <ParentRoute path=path!("") view=Shell>
                    <Route path=path!("") view=|| view! { <Redirect path=HOME /> } />
                    <Route path=path!("overview") view=OverviewPage />
                    <Route path=path!("jobs") view=Jobs />
                    <Route path=path!("dependencies") view=Dependencies />
                    <Route path=path!("jobs/new") view=NewJob />
                    <Route path=path!("jobs/:id") view=JobPage />
                    <Route path=path!("jobs/:id/edit") view=EditJob />
                    <Route path=path!("instances") view=Instances />
                    <Route path=path!("instances/:id") view=InstancePage />
                    <Route path=path!("apps") view=Apps />
                    <Route path=path!("calendars") view=Calendars />
                    <Route path=path!("limits") view=Limits />
                    <Route path=path!("servers") view=Servers />
                    <Route path=path!("clients") view=Clients />
                    <Route path=path!("*any") view=NotFound />
                </ParentRoute>
            </Routes>
        </Router>
    }
}
