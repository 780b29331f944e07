//! The plot: for each workload that others run as well, a bar for each of us, with whiskers from the least to
//! the most of the runs.

use std::path::Path;

use plotters::prelude::*;

use super::outcome::{Outcome, Value};
use super::table::number;
use crate::Result;

/// Pixels of a panel, and of one bar in it.
const WIDTH: u32 = 900;
const BAR: u32 = 34;
const HEAD: u32 = 44;
/// Pixels left of the bars, for names, and right of them, for figures.
const NAMES: i32 = 230;
const FIGURES: i32 = 150;

struct Bar<'a> {
    who: &'a str,
    median: f64,
    least: f64,
    most: f64,
}

/// Writes the plot, unless there is nothing to draw; says whether it did.
pub(super) fn write(file: &Path, workloads: &[Outcome]) -> Result<bool> {
    let panels: Vec<(&str, Vec<Bar>)> = workloads
        .iter()
        .map(|outcome| (outcome.name(), bars(outcome)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    if panels.is_empty() {
        return Ok(false);
    }
    let heights: Vec<u32> = panels
        .iter()
        .map(|(_, bars)| HEAD + BAR * bars.len() as u32)
        .collect();
    let root = SVGBackend::new(file, (WIDTH, heights.iter().sum::<u32>() + BAR / 2));
    let root = root.into_drawing_area();
    root.fill(&WHITE)?;
    let mut top = 0;
    for ((name, bars), height) in panels.iter().zip(heights) {
        let (area, _) = root.split_vertically((top + height) as i32);
        let (_, area) = area.split_vertically(top as i32);
        panel(&area, name, bars)?;
        top += height;
    }
    root.present()?;
    Ok(true)
}

/// Fastest first.
fn bars(outcome: &Outcome) -> Vec<Bar<'_>> {
    let bar = |figure: &'_ super::outcome::Figure| match (&figure.bar, &figure.value) {
        (Some(_), Value::Spread(spread)) => Some((spread.median, spread.least, spread.most)),
        (Some(_), Value::One(value)) => Some((*value, *value, *value)),
        _ => None,
    };
    let mut bars: Vec<Bar<'_>> = outcome
        .figures
        .iter()
        .filter_map(|figure| {
            let (median, least, most) = bar(figure)?;
            let who = figure.bar.as_deref()?;
            Some(Bar {
                who,
                median,
                least,
                most,
            })
        })
        .collect();
    bars.sort_by(|a, b| b.median.total_cmp(&a.median));
    bars
}

fn panel<'a>(
    area: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    name: &str,
    bars: &[Bar],
) -> std::result::Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let text = |size: u32| ("sans-serif", size).into_font().color(&BLACK);
    let title = format!("{name}: jobs or shards a second, median of the runs, least to most");
    area.draw(&Text::new(title, (12, 14), text(18)))?;
    let most = bars.iter().map(|bar| bar.most).fold(1.0, f64::max);
    let scale = f64::from(WIDTH as i32 - NAMES - FIGURES) / most;
    let x = |value: f64| NAMES + (value * scale) as i32;
    for (index, bar) in bars.iter().enumerate() {
        let top = (HEAD + BAR * index as u32) as i32;
        let (middle, bottom) = (top + BAR as i32 / 2, top + BAR as i32 - 6);
        let colour = if bar.who == "antares" {
            RGBColor(0xd9, 0x3a, 0x2b)
        } else {
            RGBColor(0x8f, 0xa3, 0xb5)
        };
        let shape = [(NAMES, top), (x(bar.median), bottom)];
        area.draw(&Rectangle::new(shape, colour.filled()))?;
        let middle_of_bar = middle - 3;
        let whisker = [(x(bar.least), middle_of_bar), (x(bar.most), middle_of_bar)];
        area.draw(&PathElement::new(whisker, BLACK))?;
        for end in [bar.least, bar.most] {
            let mark = [(x(end), middle_of_bar - 5), (x(end), middle_of_bar + 5)];
            area.draw(&PathElement::new(mark, BLACK))?;
        }
        area.draw(&Text::new(bar.who.to_owned(), (12, top + 6), text(15)))?;
        let right = x(bar.most) + 8;
        area.draw(&Text::new(number(bar.median), (right, top + 6), text(15)))?;
    }
    Ok(())
}
