//! The console of Antares: what an operator sees at `/` of every replica.
//!
//! Client-side rendered: the server embeds the compiled files and knows nothing of the pages. The console
//! speaks the admin API alone. `api` calls it, `hooks` keep what is shown current, `components` are the
//! parts, `pages` put them together.

mod api;
mod app;
mod components;
mod format;
mod hooks;
mod i18n;
mod pages;

use std::panic;

use wasm_bindgen::JsValue;

fn main() {
    panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        say_defect(&info.to_string());
    }));
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        boot.remove();
    }
    leptos::mount::mount_to_body(app::App);
}

/// After a panic nothing reacts any more. boot.js tells the user, who would otherwise look at a dead page.
fn say_defect(message: &str) {
    let init = web_sys::CustomEventInit::new();
    init.set_detail(&JsValue::from_str(message));
    if let Ok(event) = web_sys::CustomEvent::new_with_event_init_dict("antares-defect", &init) {
        // Nothing is left to do when even this fails.
        let _ = leptos::prelude::window().dispatch_event(&event);
    }
}
