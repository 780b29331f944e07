//! A chart of bars, each in parts that stand on each other.

use leptos::prelude::*;

use crate::i18n::{Label, use_i18n};

/// Width and height, in the units of the drawing.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bar {
    /// What it stands for, with its numbers.
    pub(crate) title: String,
    /// From below: the style, and how much.
    pub(crate) parts: Vec<(&'static str, f64)>,
}

/// The chart. What it says stands in words in its label, for those who cannot see it.
#[component]
pub(crate) fn Bars(
    #[prop(into)] bars: Signal<Vec<Bar>>,
    #[prop(into)] label: Signal<String>,
    /// When the first and the last bar are.
    #[prop(into)]
    ends: Signal<[String; 2]>,
    /// How much the highest bar stands for, in words.
    scale: fn(f64) -> String,
    /// What the parts stand for, by their styles; nothing where the heading says it.
    #[prop(optional)]
    legend: &'static [(&'static str, Label)],
) -> impl IntoView {
    let i18n = use_i18n();
    let total = |bar: &Bar| bar.parts.iter().map(|(_, much)| much).sum::<f64>();
    let most = Memo::new(move |_| bars.with(|bars| bars.iter().map(total).fold(0.0, f64::max)));
    let drawn = move || {
        let bars = bars.get();
        let most = most.get();
        let step = WIDTH / bars.len().max(1) as f64;
        let scale = if most > 0.0 { HEIGHT / most } else { 0.0 };
        bars.into_iter()
            .enumerate()
            .map(|(place, bar)| {
                let x = place as f64 * step;
                let mut y = HEIGHT;
                let parts = bar
                    .parts
                    .iter()
                    .map(|(class, much)| {
                        // What is there is seen, however little it is.
                        let height = if *much > 0.0 { (much * scale).max(1.5) } else { 0.0 };
                        y -= height;
                        view! { <rect x=x + step * 0.1 y=y width=step * 0.8 height=height class=*class /> }
                    })
                    .collect_view();
                view! {
                    <g>
                        <title>{bar.title}</title>
                        <rect x=x y=0 width=step height=HEIGHT class="bar-ground" />
                        {parts}
                    </g>
                }
            })
            .collect_view()
    };
    let entry = move |&(class, label): &(&'static str, Label)| {
        view! { <li><span class=class></span>{i18n.text(label)}</li> }
    };
    view! {
        <p class="bars-most" aria-hidden="true">{move || (most.get() > 0.0).then(|| scale(most.get()))}</p>
        <svg
            class="bars"
            viewBox=format!("0 0 {WIDTH} {HEIGHT}")
            preserveAspectRatio="none"
            role="img"
            aria-label=label
        >
            {drawn}
        </svg>
        <p class="bars-ends" aria-hidden="true">
            <span>{move || ends.get()[0].clone()}</span>
            <span>{move || ends.get()[1].clone()}</span>
        </p>
        {(!legend.is_empty()).then(|| view! { <ul class="bars-legend" aria-hidden="true">{legend.iter().map(entry).collect_view()}</ul> })}
    }
}
