//! The newest of what happens: bounded, for a load test must not eat the memory.

use std::collections::VecDeque;

/// Entries kept of each kind.
pub(super) const KEPT: usize = 10_000;

/// Bytes of bodies kept with them: 10,000 of the longest would be too many.
pub(super) const KEPT_BYTES: usize = 32 * 1024 * 1024;

/// Something that has a body.
pub(super) trait Weighed {
    fn bytes(&self) -> usize;
}

/// The newest entries, numbered from 0 on as they came.
pub(super) struct Kept<T> {
    oldest_first: VecDeque<T>,
    bytes: usize,
    next: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { oldest_first: VecDeque::new(), bytes: 0, next: 0 }
    }
}

impl<T: Weighed> Kept<T> {
    pub(super) fn push(&mut self, entry: T) {
        self.bytes += entry.bytes();
        while self.oldest_first.len() >= KEPT || (self.bytes > KEPT_BYTES && !self.oldest_first.is_empty()) {
            let oldest = self.oldest_first.pop_front();
            self.bytes -= oldest.map_or(0, |entry| entry.bytes());
        }
        self.oldest_first.push_back(entry);
        self.next += 1;
    }

    /// The number that the next entry gets.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The first entry from this number on that is still kept.
    pub(super) fn from(&self, number: u64) -> Option<&T> {
        let oldest = self.next - self.oldest_first.len() as u64;
        self.oldest_first.get(usize::try_from(number.saturating_sub(oldest)).ok()?)
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.oldest_first.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighed for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut kept = Kept::default();
        assert_eq!((kept.next(), kept.from(0)), (0, None));
        for entry in 0..KEPT + 5 {
            kept.push(entry % 3);
        }
        assert_eq!(kept.iter().count(), KEPT);
        assert_eq!(kept.next(), KEPT as u64 + 5);
        assert_eq!(kept.from(0), kept.from(5), "number 5 is the oldest");
        assert_eq!(kept.from(kept.next() - 1), Some(&((KEPT + 4) % 3)));
        assert_eq!(kept.from(kept.next()), None);
    }

    #[test]
    fn long_bodies_push_old_ones_out() {
        let mut kept = Kept::default();
        for _ in 0..100 {
            kept.push(1024 * 1024_usize);
        }
        assert_eq!(kept.iter().count(), 32);
        assert_eq!(kept.bytes, KEPT_BYTES);
        kept.push(2 * KEPT_BYTES);
        assert_eq!(kept.iter().count(), 1, "one that is too long stays alone");
        kept.push(1);
        assert_eq!((kept.iter().count(), kept.bytes), (1, 1));
    }
}
