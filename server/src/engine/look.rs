//! Where the claimer looks for instances with shards to hand out: app by app, each from where it left off.
//!
//! A look goes through the instances of an app in pages. What is hinted at meanwhile and lies behind is looked for
//! afterwards: a hint never sends a look back, or many hints would keep it from getting anywhere.

use std::collections::HashMap;

use tokio::time::Instant;

use crate::store::shard::From;

/// Looks for the apps whose clients waited lately.
#[derive(Debug, Default)]
pub struct Looks {
    apps: HashMap<i64, Look>,
    /// Pages read so far.
    turns: u64,
}

#[derive(Debug)]
struct Look {
    /// Where the next page of the look under way starts.
    at: Option<i64>,
    /// Where the look after that starts.
    next: Option<i64>,
    /// Where the next page of the backstop starts, and whether it is to be read.
    backstop_at: i64,
    backstop: bool,
    waited_at: Instant,
    /// The last page read, by their count: who was read longest ago is next.
    turn: u64,
}

/// A page to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub from: From,
    is_backstop: bool,
}

impl Looks {
    /// A client of the app waits. An app for which nobody waited lately is looked through from its start.
    pub fn wanted(&mut self, app_id: i64) {
        let waited_at = Instant::now();
        let look = self.apps.entry(app_id).or_insert(Look {
            at: Some(0),
            next: None,
            backstop_at: 0,
            backstop: false,
            waited_at,
            turn: 0,
        });
        look.waited_at = waited_at;
    }

    /// Whether a client of the app waited lately.
    pub fn knows(&self, app_id: i64) -> bool {
        self.apps.contains_key(&app_id)
    }

    /// There are new shards of instances from `from` on, of some app.
    pub fn hint(&mut self, from: i64) {
        for look in self.apps.values_mut() {
            if look.at.is_none_or(|at| from < at) {
                look.next = Some(look.next.map_or(from, |next| next.min(from)));
            }
        }
    }

    /// There are shards that no hint may have told of, but none of an instance below `from`: one page of each app is to
    /// be read.
    pub fn backstop(&mut self, from: i64) {
        for look in self.apps.values_mut() {
            look.backstop = true;
            look.backstop_at = look.backstop_at.max(from);
        }
    }

    /// What was read may not have been taken in: every app is looked through again.
    pub fn start_over(&mut self) {
        for look in self.apps.values_mut() {
            (look.at, look.next) = (Some(0), None);
        }
    }

    /// The next page of each app that `waits`, at most so many; apps take turns.
    pub fn pages(&mut self, most: usize, waits: impl Fn(i64) -> bool) -> Vec<Page> {
        let mut pages = Vec::new();
        for (app_id, look) in self.apps.iter_mut().filter(|(app_id, _)| waits(**app_id)) {
            look.at = look.at.or_else(|| look.next.take());
            let is_backstop = look.at.is_none();
            let from = look.at.or(look.backstop.then_some(look.backstop_at));
            let page = from.map(|instance_id| Page {
                from: From {
                    app_id: *app_id,
                    instance_id,
                },
                is_backstop,
            });
            pages.extend(page.map(|page| (look.turn, page)));
        }
        pages.sort_unstable_by_key(|(turn, _)| *turn);
        pages.into_iter().map(|(_, page)| page).take(most).collect()
    }

    /// A page was read. The next one starts at `next`, if there is one.
    pub fn read(&mut self, page: Page, next: Option<i64>) {
        let Some(look) = self.apps.get_mut(&page.from.app_id) else {
            return;
        };
        self.turns += 1;
        look.turn = self.turns;
        if page.is_backstop {
            look.backstop = false;
            look.backstop_at = next.unwrap_or(0);
        } else {
            look.at = next;
        }
    }

    /// Whether there are pages to read of an app that `waits`.
    pub fn has_pages(&self, waits: impl Fn(i64) -> bool) -> bool {
        self.apps
            .iter()
            .any(|(app_id, look)| (look.at.is_some() || look.next.is_some()) && waits(*app_id))
    }

    /// Forgets the apps that do not wait and have not since `since`. Returns them.
    pub fn forget(&mut self, since: Instant, waits: impl Fn(i64) -> bool) -> Vec<i64> {
        let gone = |(app_id, look): (&i64, &Look)| {
            (look.waited_at < since && !waits(*app_id)).then_some(*app_id)
        };
        let gone: Vec<i64> = self.apps.iter().filter_map(gone).collect();
        for app_id in &gone {
            self.apps.remove(app_id);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn page(looks: &mut Looks) -> Option<(i64, i64)> {
        let pages = looks.pages(10, |_| true);
        pages
            .first()
            .map(|page| (page.from.app_id, page.from.instance_id))
    }

    fn read(looks: &mut Looks, next: Option<i64>) {
        let page = looks.pages(10, |_| true)[0];
        looks.read(page, next);
    }

    #[test]
    fn hints_do_not_keep_a_look_from_getting_to_its_end() {
        let mut looks = Looks::default();
        looks.wanted(1);
        assert_eq!(page(&mut looks), Some((1, 0)));
        read(&mut looks, Some(500));
        looks.hint(3);
        looks.hint(2);
        looks.hint(700);
        assert_eq!(page(&mut looks), Some((1, 500)));
        read(&mut looks, None);
        assert_eq!(
            page(&mut looks),
            Some((1, 2)),
            "what was hinted at comes after"
        );
        read(&mut looks, None);
        assert!(!looks.has_pages(|_| true));
        assert_eq!(page(&mut looks), None);
    }

    #[test]
    fn the_backstop_reads_one_page_of_an_app_and_goes_on_from_there() {
        let mut looks = Looks::default();
        looks.wanted(1);
        read(&mut looks, None);
        looks.backstop(5);
        assert_eq!(page(&mut looks), Some((1, 5)));
        read(&mut looks, Some(90));
        assert_eq!(page(&mut looks), None);
        looks.backstop(7);
        assert_eq!(page(&mut looks), Some((1, 90)));
        read(&mut looks, None);
        looks.backstop(7);
        assert_eq!(page(&mut looks), Some((1, 7)));
    }

    #[test]
    fn apps_take_turns_however_many_hints_there_are() {
        let mut looks = Looks::default();
        (1..=3).for_each(|app| looks.wanted(app));
        let mut read: Vec<i64> = (0..3)
            .map(|_| {
                let page = looks.pages(1, |_| true)[0];
                looks.read(page, None);
                looks.hint(0);
                page.from.app_id
            })
            .collect();
        read.sort_unstable();
        assert_eq!(read, [1, 2, 3]);
    }

    #[test]
    fn an_app_for_which_nobody_waits_is_not_read_and_forgotten() {
        let mut looks = Looks::default();
        looks.wanted(1);
        looks.wanted(2);
        assert_eq!(looks.pages(10, |app| app == 2).len(), 1);
        let later = Instant::now() + Duration::from_secs(1);
        assert_eq!(looks.forget(later, |app| app == 2), [1]);
        assert!(!looks.knows(1) && looks.knows(2));
    }
}
