//! Chunks: how shards are kept. A chunk is 64 consecutive shards of an instance; a set of them is a mask.

use antares_protocol::shard::{shard_id, split_shard_id};

/// Shards of a chunk.
pub const CHUNK: i32 = 64;

/// A shard as the tables name it: its instance, its chunk and its bit in masks of the chunk.
pub fn locate(shard: i64) -> (i64, i16, u32) {
    let (instance, item) = split_shard_id(shard);
    (instance, (item / CHUNK) as i16, (item % CHUNK) as u32)
}

/// The mask of `n` consecutive items of a chunk, from `item` on.
pub fn run(item: i32, n: i16) -> i64 {
    let bits = u64::MAX >> (CHUNK - i32::from(n));
    (bits << (item % CHUNK)).cast_signed()
}

/// Items that `mask` of `chunk` stands for, ascending.
pub fn items(chunk: i16, mask: i64) -> impl Iterator<Item = i32> {
    let first = i32::from(chunk) * CHUNK;
    let mut rest = mask.cast_unsigned();
    std::iter::from_fn(move || {
        let bit = rest.trailing_zeros();
        // Takes the lowest bit away; of no bits, none is left.
        rest &= rest.checked_sub(1)?;
        Some(first + bit as i32)
    })
}

/// Ids of the shards that `mask` of `chunk` stands for, ascending.
pub fn shards(instance: i64, chunk: i16, mask: i64) -> impl Iterator<Item = i64> {
    items(chunk, mask).map(move |item| shard_id(instance, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_stands_for_its_items() {
        assert_eq!(items(0, 0).count(), 0);
        assert_eq!(items(2, 0b101).collect::<Vec<_>>(), [128, 130]);
        assert_eq!(
            items(1, -1).collect::<Vec<_>>(),
            (64..128).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_run_is_a_mask() {
        assert_eq!(run(64, 64), -1);
        assert_eq!(run(3, 2), 0b11000);
        assert_eq!(run(127, 1), i64::MIN);
    }

    #[test]
    fn a_shard_is_found_by_chunk_and_bit() {
        for item in [0, 63, 64, 99_999] {
            let (instance, chunk, bit) = locate(shard_id(7, item));
            assert_eq!(instance, 7);
            assert_eq!(
                shards(7, chunk, 1 << bit).collect::<Vec<_>>(),
                [shard_id(7, item)]
            );
        }
    }
}
