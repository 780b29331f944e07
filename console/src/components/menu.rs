//! A menu that opens over the page, so that nothing moves. The browser closes it on Escape and on a click elsewhere.

use leptos::html;
use leptos::prelude::*;

use crate::i18n::{Label, use_i18n};

/// Room that a menu is given below its button; else it opens above.
const ROOM_PX: f64 = 260.0;

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
    let place = move |_| {
        let (Some(button), Some(menu)) = (button.get_untracked(), menu.get_untracked()) else {
            return;
        };
        let at = button.get_bounding_client_rect();
        let size = |of: Result<wasm_bindgen::JsValue, _>| {
            of.ok().and_then(|n| n.as_f64()).unwrap_or_default()
        };
        let (width, height) = (size(window().inner_width()), size(window().inner_height()));
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
    let close = move |_| {
        if let Some(menu) = menu.get_untracked() {
            // Fails when it is closed already.
            let _ = menu.hide_popover();
        }
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
        <div node_ref=menu id=id popover="auto" class="menu-popover" on:click=close>
            {children()}
        </div>
    }
}
