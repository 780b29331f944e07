//! A menu that opens over the page, so that nothing moves. The browser closes it on Escape and on a click elsewhere; and
//! it closes where the page moves away below it.

use leptos::ev;
use leptos::html;
use leptos::prelude::*;

use crate::i18n::{Label, use_i18n};

/// Room that a menu is given below its button; else it opens above.
const ROOM_PX: f64 = 260.0;

/// So far the page may scroll below an open menu: what is left of the scrolling before the click.
const SLACK_PX: f64 = 8.0;

/// What of the page the window shows, in pixels.
#[derive(Clone, Copy, Default)]
struct View {
    top: f64,
    width: f64,
    height: f64,
}

impl View {
    fn now() -> Self {
        let size = |of: Result<wasm_bindgen::JsValue, _>| {
            of.ok().and_then(|n| n.as_f64()).unwrap_or_default()
        };
        Self {
            top: window().scroll_y().unwrap_or_default(),
            width: size(window().inner_width()),
            height: size(window().inner_height()),
        }
    }

    /// Whether what hung on a button hangs beside it now.
    fn has_moved_from(self, before: Self) -> bool {
        (self.top - before.top).abs() > SLACK_PX
            || (self.width, self.height) != (before.width, before.height)
    }
}

/// A button, and what it opens. A click on anything in it closes it.
#[component]
pub(crate) fn Menu(
    /// Id of the menu.
    id: String,
    /// What the button says.
    label: Label,
    /// What it is about, for those who hear it.
    #[prop(into)]
    of: Signal<String>,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let button = NodeRef::<html::Button>::new();
    let menu = NodeRef::<html::Div>::new();
    let opened_at = StoredValue::new(View::default());
    let place = move |_| {
        let (Some(button), Some(menu)) = (button.get_untracked(), menu.get_untracked()) else {
            return;
        };
        let at = button.get_bounding_client_rect();
        let view = View::now();
        opened_at.set_value(view);
        let View { width, height, .. } = view;
        let right = (width - at.right()).max(8.0);
        let (top, bottom) = if height - at.bottom() < ROOM_PX && at.top() > ROOM_PX {
            ("auto".to_owned(), format!("{}px", height - at.top() + 4.0))
        } else {
            (format!("{}px", at.bottom() + 4.0), "auto".to_owned())
        };
        // Property by property: the page's security policy lets no attribute `style` through.
        let menu: &web_sys::HtmlElement = &menu;
        let style = web_sys::HtmlElement::style(menu);
        for (property, value) in [
            ("right", format!("{right}px")),
            ("top", top),
            ("bottom", bottom),
        ] {
            // These are valid properties.
            let _ = style.set_property(property, &value);
        }
    };
    let close = move || {
        if let Some(menu) = menu.get_untracked() {
            // Fails when it is closed already.
            let _ = menu.hide_popover();
        }
    };
    // There while it is open.
    let listeners = StoredValue::new(None::<[WindowListenerHandle; 2]>);
    let forget = move || {
        let listeners = listeners.try_update_value(Option::take).flatten();
        listeners
            .into_iter()
            .flatten()
            .for_each(WindowListenerHandle::remove);
    };
    on_cleanup(forget);
    let toggled = move |_| {
        forget();
        let is_open = menu
            .get_untracked()
            .is_some_and(|menu| menu.matches(":popover-open") == Ok(true));
        if !is_open {
            return;
        }
        let close_if_moved = move || {
            if View::now().has_moved_from(opened_at.get_value()) {
                close();
            }
        };
        let scroll = window_event_listener(ev::scroll, move |_| close_if_moved());
        let resize = window_event_listener(ev::resize, move |_| close_if_moved());
        listeners.set_value(Some([scroll, resize]));
        // The browser tells of the opening a while after the click: the page may have moved meanwhile.
        close_if_moved();
    };
    view! {
        <button
            type="button"
            class="button small"
            node_ref=button
            popovertarget=id.clone()
            aria-label=move || format!("{}: {}", label(i18n.texts()), of.get())
            on:click=place
        >
            {i18n.text(label)}
        </button>
        <div node_ref=menu id=id popover="auto" class="menu-popover" on:click=move |_| close() on:toggle=toggled>
            {children()}
        </div>
    }
}
