//! Who is logged in.

use std::time::Duration;

use antares_protocol::session::{Login, Session};
use leptos::leptos_dom::helpers::set_timeout_with_handle;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::clock;
use crate::api::{self, ApiError};

/// What is known about the viewer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Viewer {
    /// Not asked yet.
    Unknown,
    /// The server could not be asked.
    Unreached(ApiError),
    /// Nobody is logged in, or the session has ended.
    Nobody,
    /// This user is.
    User(Session),
}

/// The session of this browser.
#[derive(Clone, Copy)]
pub(crate) struct Auth {
    viewer: RwSignal<Viewer>,
    /// Whether a session has ended that the viewer did not end.
    has_ended: RwSignal<bool>,
}

/// Provides the session and asks the server for it.
pub(crate) fn provide() {
    let auth = Auth {
        viewer: RwSignal::new(Viewer::Unknown),
        has_ended: RwSignal::new(false),
    };
    provide_context(auth);
    spawn_local(auth.check());
    auth.check_again_in_time();
}

/// The session.
pub(crate) fn use_auth() -> Auth {
    expect_context()
}

impl Auth {
    /// What is known about the viewer.
    pub(crate) fn viewer(self) -> Viewer {
        self.viewer.get()
    }

    /// Whether somebody is logged in, as far as is known.
    pub(crate) fn is_user(self) -> bool {
        self.viewer.with(|viewer| matches!(viewer, Viewer::User(_)))
    }

    /// The same, followed by nobody.
    pub(crate) fn is_user_untracked(self) -> bool {
        self.viewer
            .with_untracked(|viewer| matches!(viewer, Viewer::User(_)))
    }

    /// Whether a session has ended that the viewer did not end.
    pub(crate) fn has_ended(self) -> bool {
        self.has_ended.get()
    }

    /// Asks the server who is logged in. Being out of reach ends no session.
    pub(crate) async fn check(self) {
        match api::session().await {
            Ok(session) => self.become_viewer(Viewer::User(session)),
            Err(error) if error.is_unauthorized() => self.become_viewer(Viewer::Nobody),
            Err(error) => {
                if !self.is_user_untracked() {
                    self.become_viewer(Viewer::Unreached(error));
                }
            }
        }
    }

    /// Logs in.
    pub(crate) async fn login(self, login: Login) -> Result<(), ApiError> {
        let session = api::login(&login).await?;
        self.become_viewer(Viewer::User(session));
        Ok(())
    }

    /// Logs out. On an error the session goes on, and the viewer must know.
    pub(crate) async fn logout(self) -> Result<(), ApiError> {
        match api::logout().await {
            Err(error) if !error.is_unauthorized() => Err(error),
            _ => {
                self.become_viewer(Viewer::Nobody);
                self.has_ended.set(false);
                Ok(())
            }
        }
    }

    /// Takes note of an error: if it says that the session has ended, the viewer goes to the login page.
    pub(crate) fn notice(self, error: &ApiError) {
        if error.is_unauthorized() {
            self.become_viewer(Viewer::Nobody);
        }
    }

    fn become_viewer(self, viewer: Viewer) {
        if self.viewer.with_untracked(|now| *now != viewer) {
            self.has_ended
                .set(self.is_user_untracked() && viewer == Viewer::Nobody);
            self.viewer.set(viewer);
        }
    }

    /// A page on which nothing happens asks nothing, and would not find out. Nor would one that waits for a
    /// server that is starting.
    fn check_again_in_time(self) {
        // Browsers wrap timers of weeks around to nothing; and a server that is away is not asked in a rush.
        const LONGEST: Duration = Duration::from_hours(24);
        const SHORTEST: Duration = Duration::from_secs(3);
        let again = move || {
            spawn_local(async move {
                self.check().await;
                self.viewer.notify();
            });
        };
        Effect::new(move || {
            let wait = match self.viewer.get() {
                Viewer::User(session) => session.expires_at.map_or(LONGEST, |end| {
                    (end - clock::now()).to_std().unwrap_or_default()
                }),
                Viewer::Unreached(_) => SHORTEST,
                Viewer::Unknown | Viewer::Nobody => return,
            };
            if let Ok(timer) = set_timeout_with_handle(again, wait.clamp(SHORTEST, LONGEST)) {
                on_cleanup(move || timer.clear());
            }
        });
    }
}
