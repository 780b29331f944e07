//! Where the boxes of a graph without cycles stand: each right of all that it follows.

use std::collections::HashMap;

/// Size of a box, and the space around it.
pub(super) const WIDTH: f64 = 190.0;
pub(super) const HEIGHT: f64 = 44.0;
const GAP_X: f64 = 70.0;
const GAP_Y: f64 = 16.0;

/// The place of the left upper corner of each box, and the size of all.
pub(super) fn layout(ids: &[i64], edges: &[(i64, i64)]) -> (HashMap<i64, (f64, f64)>, f64, f64) {
    let mut layer: HashMap<i64, usize> = ids.iter().map(|id| (*id, 0)).collect();
    // The server refuses cycles, so this ends; a graph that is read while it changes must not hang the page.
    for _ in 0..ids.len() {
        let mut moved = false;
        for (from, to) in edges {
            let least = layer.get(from).map_or(0, |from| from + 1);
            if let Some(to) = layer.get_mut(to).filter(|to| **to < least) {
                *to = least;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let layers = layer.values().max().map_or(0, |last| last + 1);
    let mut columns: Vec<Vec<i64>> = vec![Vec::new(); layers];
    for id in ids {
        columns[layer[id]].push(*id);
    }
    // Each stands at the mean height of what it follows, so that lines cross less.
    let mut row: HashMap<i64, usize> = HashMap::new();
    for column in &mut columns {
        let mean = |id: &i64| {
            let rows: Vec<usize> = edges
                .iter()
                .filter(|(_, to)| to == id)
                .filter_map(|(from, _)| row.get(from).copied())
                .collect();
            if rows.is_empty() {
                0
            } else {
                rows.iter().sum::<usize>() * 1000 / rows.len()
            }
        };
        let keys: HashMap<i64, usize> = column.iter().map(|id| (*id, mean(id))).collect();
        column.sort_by_key(|id| (keys[id], *id));
        row.extend(column.iter().enumerate().map(|(row, id)| (*id, row)));
    }
    let places = ids
        .iter()
        .map(|id| {
            let x = layer[id] as f64 * (WIDTH + GAP_X);
            let y = row[id] as f64 * (HEIGHT + GAP_Y);
            (*id, (x + 1.0, y + 1.0))
        })
        .collect();
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let width = layers as f64 * (WIDTH + GAP_X) - GAP_X + 2.0;
    let height = tallest as f64 * (HEIGHT + GAP_Y) - GAP_Y + 2.0;
    (places, width.max(1.0), height.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_right_of_all_that_it_follows_and_none_on_another() {
        let ids = [1, 2, 3, 4, 5, 6];
        let edges = [(1, 2), (2, 3), (1, 3), (4, 3), (3, 5)];
        let (places, width, height) = layout(&ids, &edges);
        for (from, to) in edges {
            assert!(places[&from].0 + WIDTH < places[&to].0, "{from} {to}");
        }
        for (a, one) in &places {
            for (b, other) in places.iter().filter(|(b, _)| *b != a) {
                let apart = (one.0 - other.0).abs() >= WIDTH || (one.1 - other.1).abs() >= HEIGHT;
                assert!(apart, "{a} and {b}");
            }
            assert!(one.0 + WIDTH <= width && one.1 + HEIGHT <= height);
        }
    }

    #[test]
    fn a_cycle_does_not_hang() {
        let (places, ..) = layout(&[1, 2], &[(1, 2), (2, 1)]);
        assert_eq!(places.len(), 2);
    }
}
