//! Who should own which bucket.

use std::collections::BTreeMap;

use uuid::Uuid;

/// A bucket that changes hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Move {
    pub bucket: i16,
    /// The new owner; `None` when no server is left.
    pub owner: Option<Uuid>,
}

/// The moves that spread buckets evenly over `live` servers: afterwards no two differ by more than one.
/// A bucket whose owner stays within its share does not move.
pub fn rebalance(owners: &[Option<Uuid>], live: &[Uuid]) -> Vec<Move> {
    let mut owned: BTreeMap<Uuid, Vec<i16>> = live.iter().map(|id| (*id, Vec::new())).collect();
    let mut free = Vec::new();
    for (bucket, owner) in owners.iter().enumerate() {
        match owner.and_then(|owner| owned.get_mut(&owner)) {
            Some(buckets) => buckets.push(bucket as i16),
            None => free.push((bucket as i16, *owner)),
        }
    }
    if live.is_empty() {
        return free
            .into_iter()
            .filter(|(_, owner)| owner.is_some())
            .map(|(bucket, _)| Move {
                bucket,
                owner: None,
            })
            .collect();
    }
    let least = owners.len() / live.len();
    let mut richer = owners.len() % live.len();
    // Whoever owns most now keeps one more, so that fewer buckets move.
    let mut order: Vec<Uuid> = live.to_vec();
    order.sort_by_key(|id| (std::cmp::Reverse(owned[id].len()), *id));
    let mut shares = Vec::new();
    for id in order {
        let share = least + usize::from(richer > 0);
        richer = richer.saturating_sub(1);
        let buckets = owned.get_mut(&id).expect("every live server has an entry");
        while buckets.len() > share {
            free.extend(buckets.pop().map(|bucket| (bucket, Some(id))));
        }
        shares.push((id, share - buckets.len()));
    }
    let mut free = free.into_iter();
    shares
        .into_iter()
        .flat_map(|(id, missing)| {
            free.by_ref()
                .take(missing)
                .map(|(bucket, _)| Move {
                    bucket,
                    owner: Some(id),
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn apply(owners: &mut [Option<Uuid>], moves: &[Move]) {
        for step in moves {
            owners[step.bucket as usize] = step.owner;
        }
    }

    fn counts(owners: &[Option<Uuid>], live: &[Uuid]) -> Vec<usize> {
        live.iter()
            .map(|id| owners.iter().filter(|owner| **owner == Some(*id)).count())
            .collect()
    }

    #[test]
    fn buckets_stay_even_through_joins_and_leaves_and_few_move() {
        let mut owners = vec![None; 256];
        let mut live = Vec::new();
        for n in [1, 2, 3, 4, 5, 6, 7] {
            live.push(server(n));
            let moves = rebalance(&owners, &live);
            // A joiner takes its share and nothing else moves.
            assert!(moves.len() <= 256 / live.len() + 1, "{} moves", moves.len());
            apply(&mut owners, &moves);
            let counts = counts(&owners, &live);
            assert_eq!(counts.iter().sum::<usize>(), 256);
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }
        while live.len() > 1 {
            let gone = live.remove(0);
            let had = counts(&owners, &[gone])[0];
            let moves = rebalance(&owners, &live);
            assert!(moves.len() <= had + 1, "{} moves for {had}", moves.len());
            apply(&mut owners, &moves);
            let counts = counts(&owners, &live);
            assert_eq!(counts.iter().sum::<usize>(), 256);
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
        }
        assert_eq!(rebalance(&owners, &live), Vec::new());
    }

    #[test]
    fn without_a_live_server_buckets_are_free() {
        let owners = vec![Some(server(1)), None, Some(server(1))];
        let moves = rebalance(&owners, &[]);
        assert_eq!(moves.len(), 2);
        assert!(moves.iter().all(|step| step.owner.is_none()));
    }
}
