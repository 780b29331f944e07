//! Dialogs, which the browser keeps in front and keeps the focus in.

use leptos::html;
use leptos::prelude::*;

use crate::i18n::{Texts, use_i18n};

/// Words in the chosen language.
type Words = std::sync::Arc<dyn Fn(&Texts) -> String + Send + Sync>;

/// A dialog that is there while `open` is true. Escape closes it, unless it `stays`, or `keeps` what was typed in it.
#[component]
pub(crate) fn Modal(
    /// Whether it is there.
    open: RwSignal<bool>,
    /// What it is called.
    #[prop(into)]
    title: Signal<String>,
    /// Whether nothing closes it but what is in it.
    #[prop(optional)]
    stays: bool,
    /// Whether it has a form: Escape is hit in passing, and what was typed would be lost.
    #[prop(optional)]
    keeps: bool,
    /// What is in it; made anew each time it opens.
    children: ChildrenFn,
) -> impl IntoView {
    let i18n = use_i18n();
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(element) = dialog.get() else { return };
        if open.get() == element.open() {
            return;
        }
        if open.get_untracked() {
            // It is in the page and not open, so it can be shown.
            let _ = element.show_modal();
        } else {
            element.close();
        }
    });
    let children = StoredValue::new(children);
    let typed = RwSignal::new(false);
    let warns = RwSignal::new(false);
    Effect::new(move || {
        if open.get() {
            typed.set(false);
            warns.set(false);
        }
    });
    let holds = move || stays || typed.get_untracked();
    let cancelled = move |event: web_sys::Event| {
        if holds() {
            event.prevent_default();
            warns.set(!stays);
        }
    };
    let closed = move |_| match dialog.get_untracked() {
        // Browsers heed the second Escape whatever the page says.
        Some(dialog) if holds() && open.get_untracked() => _ = dialog.show_modal(),
        _ => open.set(false),
    };
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-label=title
            on:cancel=cancelled
            on:close=closed
            on:input=move |_| if keeps { typed.set(true) }
        >
            <Show when=move || open.get()>
                <h2>{title}</h2>
                {children.with_value(|children| children())}
                <Show when=move || warns.get()>
                    <p class="second warn" role="status">{i18n.text(|t| t.escape_keeps)}</p>
                </Show>
                // Last, so that the focus begins at the first field.
                {(!stays).then(|| view! {
                    <button
                        type="button"
                        class="button ghost dialog-close"
                        data-close
                        aria-label=i18n.text(|t| t.dismiss)
                        on:click=move |_| open.set(false)
                    >
                        "×"
                    </button>
                })}
            </Show>
        </dialog>
    }
}

/// Something that must be confirmed, because it cannot be undone.
#[derive(Clone)]
pub(crate) struct Question {
    title: Words,
    text: Words,
    action: Words,
    typed: Option<String>,
    /// Not a `Callback`: that would go with the row that asks, which may leave the list before the viewer has answered.
    then: std::sync::Arc<dyn Fn() + Send + Sync>,
}

impl Question {
    /// Asks `title`, tells in `text` what will happen, and does `then` if the viewer chooses `action`.
    pub(crate) fn new(
        title: impl Fn(&Texts) -> String + Send + Sync + 'static,
        text: impl Fn(&Texts) -> String + Send + Sync + 'static,
        action: impl Fn(&Texts) -> String + Send + Sync + 'static,
        then: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            title: std::sync::Arc::new(title),
            text: std::sync::Arc::new(text),
            action: std::sync::Arc::new(action),
            typed: None,
            then: std::sync::Arc::new(then),
        }
    }

    /// Destroys: the viewer must type `name` first.
    pub(crate) fn typed(mut self, name: String) -> Self {
        self.typed = Some(name);
        self
    }
}

/// The one question that is open, if any.
#[derive(Clone, Copy)]
pub(crate) struct Dialogs(RwSignal<Option<Question>>);

/// Provides the questions.
pub(crate) fn provide() {
    provide_context(Dialogs(RwSignal::new(None)));
}

/// The questions.
pub(crate) fn use_dialogs() -> Dialogs {
    expect_context()
}

impl Dialogs {
    /// Asks.
    pub(crate) fn ask(self, question: Question) {
        self.0.set(Some(question));
    }
}

/// Where questions are asked.
#[component]
pub(crate) fn Confirmation() -> impl IntoView {
    let i18n = use_i18n();
    let Dialogs(question) = use_dialogs();
    let open = RwSignal::new(false);
    Effect::new(move || {
        if question.with(Option::is_some) {
            open.set(true);
        }
    });
    Effect::new(move || {
        if !open.get() {
            question.set(None);
        }
    });
    let words = move |pick: fn(&Question) -> &Words| {
        question.with(|question| {
            question
                .as_ref()
                .map(|question| pick(question)(i18n.texts()))
                .unwrap_or_default()
        })
    };
    let title = Signal::derive(move || words(|question| &question.title));
    view! {
        <Modal open title>
            {
                let typed = RwSignal::new(String::new());
                let wanted = question
                    .with_untracked(|question| question.as_ref()?.typed.clone());
                let is_typed = {
                    let wanted = wanted.clone();
                    move || wanted.as_ref().is_none_or(|wanted| typed.with(|typed| typed == wanted))
                };
                let submit = {
                    let is_typed = is_typed.clone();
                    move |event: leptos::ev::SubmitEvent| {
                        event.prevent_default();
                        if !is_typed() {
                            return;
                        }
                        let then = question.with_untracked(|question| Some(question.as_ref()?.then.clone()));
                        open.set(false);
                        if let Some(then) = then {
                            then();
                        }
                    }
                };
                let destroys = wanted.is_some();
                view! {
                    <form class="form" on:submit=submit>
                        <p>{move || words(|question| &question.text)}</p>
                        {wanted.map(|wanted| view! {
                            <label for="confirm-typed">{move || (i18n.texts().type_to_confirm)(&wanted)}</label>
                            <input
                                id="confirm-typed"
                                autocomplete="off"
                                spellcheck="false"
                                on:input=move |event| typed.set(event_target_value(&event))
                            />
                        })}
                        <div class="form-buttons">
                            <button type="button" class="button" on:click=move |_| open.set(false)>
                                {i18n.text(|t| t.cancel)}
                            </button>
                            <button
                                type="submit"
                                id="confirm"
                                class="button primary"
                                class:danger=destroys
                                prop:disabled=move || !is_typed()
                            >
                                {move || words(|question| &question.action)}
                            </button>
                        </div>
                    </form>
                }
            }
        </Modal>
    }
}
