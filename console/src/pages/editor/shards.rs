//! How an instance is split, and with which parameters.

use antares_protocol::job::{JobSpec, parse_shard_params};
use antares_protocol::json::rounded_integer;
use antares_protocol::policy::Sharding;
use leptos::prelude::*;
use serde_json::Value;

use super::inputs::{Choice, JsonInput, NumberInput, TextInput, use_draft};
use crate::components::field::Field;
use crate::components::json::written;
use crate::i18n::use_i18n;

/// Rows of the table: more are typed as text.
const ROWS: usize = 200;

/// The part.
#[component]
pub(super) fn Shards() -> impl IntoView {
    let draft = use_draft();
    let kind = Memo::new(move |_| draft.get(kind_of));
    view! {
        <Choice
            id="sharding"
            label=|t| t.editor.sharding
            field="sharding"
            parts=&["sharding.planned"]
            options=&[
                ("fixed", |t| t.editor.sharding_fixed, |t| t.editor.sharding_fixed_hint),
                ("broadcast", |t| t.editor.sharding_broadcast, |t| t.editor.sharding_broadcast_hint),
                ("planned", |t| t.editor.sharding_planned, |t| t.editor.sharding_planned_hint),
            ]
            get=kind_of
            set=set_kind
        />
        <Show when=move || kind.get() == "planned">
            <TextInput
                id="planning-handler"
                label=|t| t.editor.planning_handler
                field="sharding.planned"
                get=|spec| match &spec.sharding {
                    Sharding::Planned(handler) => handler.clone(),
                    _ => String::new(),
                }
                set=|spec, text| spec.sharding = Sharding::Planned(text)
            />
        </Show>
        <Show when=move || kind.get() == "fixed">
            <NumberInput
                id="shard-count"
                label=|t| t.editor.shard_count
                field="shard_count"
                min=1
                max=100_000
                get=|spec| i64::from(spec.shard_count)
                set=|spec, n| spec.shard_count = n as u32
            />
        </Show>
        <NumberInput
            id="max-per-client"
            label=|t| t.editor.per_client
            hint=|t| t.editor.per_client_hint
            field="max_shards_per_client"
            max=10_000
            get=|spec| i64::from(spec.max_shards_per_client)
            set=|spec, n| spec.max_shards_per_client = n as u32
        />
        <JsonInput
            id="param"
            label=|t| t.editor.param
            field="param"
            get=|spec| written(&spec.param)
            set=|spec, value| spec.param = value
        />
        <Show when=move || kind.get() == "fixed">
            <Params />
        </Show>
    }
}

/// The parameters of shards: a table, or the original's text.
#[component]
fn Params() -> impl IntoView {
    let i18n = use_i18n();
    let draft = use_draft();
    let count = Memo::new(move |_| draft.get(|spec| spec.shard_count as usize));
    // What is typed stays as it was typed, also where it cannot be read.
    let unread = draft.take_kept("shard_params");
    draft.note("shard_params", unread.clone());
    let as_text = RwSignal::new(unread.is_some() || count.get_untracked() > ROWS);
    let wrong = RwSignal::new(unread.as_ref().and_then(|unread| parse(unread).err()));
    let text = RwSignal::new(unread.unwrap_or_else(|| draft.spec.with_untracked(lines)));
    let mend = move || {
        wrong.set(None);
        draft.note("shard_params", None);
    };
    on_cleanup(mend);
    let typed = move |event| {
        let now = event_target_value(&event);
        mend();
        match parse(&now) {
            Ok(params) => draft.set(|spec| spec.shard_params = params),
            Err(error) => {
                wrong.set(Some(error));
                draft.note("shard_params", Some(now.clone()));
            }
        }
        text.set(now);
    };
    let begin_anew = move || {
        mend();
        text.set(draft.spec.with_untracked(lines));
    };
    let switch = move |_| {
        begin_anew();
        as_text.update(|as_text| *as_text = !*as_text);
    };
    let clear = move |_| {
        draft.set(|spec| spec.shard_params.clear());
        begin_anew();
    };
    let row = move |item: usize| {
        let id = format!("shard-param-{item}");
        let value =
            move || draft.get(|spec| spec.shard_params.get(item).map(shown).unwrap_or_default());
        let typed = move |event| {
            let text = event_target_value(&event);
            draft.set(|spec| set_param(spec, item, &text));
        };
        view! {
            <div class="shard-row">
                <label for=id.clone()>{item}</label>
                <input id=id autocomplete="off" spellcheck="false" prop:value=value on:change=typed />
            </div>
            {move || is_half_json(&value()).then(|| view! {
                <p class="field-hint" role="status">{i18n.text(|t| t.editor.half_json)}</p>
            })}
        }
    };
    view! {
        <Field id="shard-params" label=|t| t.editor.shard_params hint=|t| t.editor.shard_params_hint field="shard_params" error=draft.error>
            <div class="buttons">
                <button
                    type="button"
                    class="button small"
                    aria-pressed=move || as_text.get().to_string()
                    // In the table there is no place for what cannot be read.
                    prop:disabled=move || wrong.with(Option::is_some)
                    on:click=switch
                >
                    {move || if as_text.get() { i18n.texts().editor.as_table } else { i18n.texts().editor.as_text }}
                </button>
                <button type="button" class="button small" on:click=clear>
                    {i18n.text(|t| t.editor.clear)}
                </button>
            </div>
            {move || if as_text.get() {
                view! {
                    <textarea id="shard-params" rows="6" spellcheck="false" prop:value=text on:input=typed></textarea>
                }
                .into_any()
            } else {
                view! {
                    <div class="shard-rows" id="shard-params">
                        <For each=move || 0..count.get().min(ROWS) key=|item| *item children=row />
                    </div>
                    <Show when=move || { count.get() > ROWS }>
                        <p class="field-hint">{move || (i18n.texts().editor.more_rows)(&ROWS.to_string())}</p>
                    </Show>
                }
                .into_any()
            }}
            {move || wrong.get().map(|wrong| view! {
                <p class="field-error" role="alert">{i18n.said(wrong.strip_prefix("shard_params: ").unwrap_or(&wrong))}</p>
            })}
        </Field>
    }
}

/// As [`parse`] reads them.
fn lines(spec: &JobSpec) -> String {
    let params = spec.shard_params.iter().enumerate();
    let given = params.filter(|(_, param)| !param.is_null());
    let lines = given.map(|(item, param)| format!("{item}={}", shown(param)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads lines like `0=A`, or the original's `0=A;1=B`.
fn parse(text: &str) -> Result<Vec<Value>, String> {
    let mut all: Vec<Value> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        // A value that is JSON may hold what would part entries.
        let json = line.split_once('=').and_then(|(item, value)| {
            let item: usize = item.trim().parse().ok()?;
            let value = serde_json::from_str::<Value>(value)
                .ok()
                .map(|_| read(value.into()))?;
            Some((item, value))
        });
        let params = match json {
            Some((item, value)) if item < antares_protocol::shard::MAX_SHARDS as usize => {
                let mut params = vec![Value::Null; item];
                params.push(value);
                params
            }
            _ => parse_shard_params(line)?.into_iter().map(read).collect(),
        };
        if all.len() < params.len() {
            all.resize(params.len(), Value::Null);
        }
        for (place, param) in all
            .iter_mut()
            .zip(params)
            .filter(|(_, param)| !param.is_null())
        {
            *place = param;
        }
    }
    Ok(all)
}

/// JSON if it is some, else text. What would be rounded as a number is text.
fn read(param: Value) -> Value {
    match param {
        Value::String(text) if rounded_integer(text.as_bytes()).is_some() => Value::String(text),
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        param => param,
    }
}

/// As [`read`] reads it: text that would be read as something else is in quotes.
fn shown(param: &Value) -> String {
    match param {
        Value::Null => String::new(),
        Value::String(text)
            if text.contains([';', '\n']) || serde_json::from_str::<Value>(text).is_ok() =>
        {
            param.to_string()
        }
        Value::String(text) => text.clone(),
        param => param.to_string(),
    }
}

/// Whether it was meant to be JSON, by how it begins, and is none.
fn is_half_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '[', '"'])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()
}

fn set_param(spec: &mut JobSpec, item: usize, text: &str) {
    let params = &mut spec.shard_params;
    if params.len() <= item {
        params.resize(item + 1, Value::Null);
    }
    params[item] = if text.is_empty() {
        Value::Null
    } else {
        read(Value::String(text.to_owned()))
    };
    // None at the end is none given.
    while params.last().is_some_and(Value::is_null) {
        params.pop();
    }
}

fn kind_of(spec: &JobSpec) -> &'static str {
    match spec.sharding {
        Sharding::Fixed => "fixed",
        Sharding::Broadcast => "broadcast",
        Sharding::Planned(_) => "planned",
    }
}

fn set_kind(spec: &mut JobSpec, kind: &str) {
    spec.sharding = match kind {
        "broadcast" => Sharding::Broadcast,
        "planned" => Sharding::Planned(String::new()),
        _ => Sharding::Fixed,
    };
    if spec.sharding != Sharding::Fixed {
        spec.shard_count = 1;
        spec.shard_params.clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_is_read_as_what_it_was() {
        let params = [
            json!("A"),
            json!("5"),
            json!(5),
            json!("a;b"),
            json!("a\nb"),
            json!({ "k": "v;w" }),
            json!("x=y"),
            json!("true"),
            json!("123456789012345678901234567890"),
        ];
        let lines = params
            .iter()
            .enumerate()
            .map(|(item, param)| format!("{item}={}", shown(param)));
        let text = lines.collect::<Vec<_>>().join("\n");
        assert_eq!(parse(&text).unwrap(), params);
        assert_eq!(
            parse("0=A;2=C").unwrap(),
            [json!("A"), Value::Null, json!("C")]
        );
        assert!(parse("nothing").is_err());
    }
}
