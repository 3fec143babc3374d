//! What is left of the items, and how much of it comes next.

use rayon::iter::plumbing::Producer;

/// A thread takes this part of its share of what is left: long runs first, and short ones at the end, when one that is
/// slow would have all others wait.
const PART: usize = 2;

/// Consecutive items, and which part of all they are.
pub(super) struct Piece<P> {
    pub(super) number: usize,
    pub(super) producer: P,
}

/// What nobody has begun.
pub(super) struct Rest<P> {
    producer: Option<P>,
    len: usize,
    threads: usize,
    min: usize,
    max: usize,
    pieces: usize,
}

impl<P: Producer> Rest<P> {
    /// `len` items for so many threads.
    pub(super) fn new(producer: P, len: usize, threads: usize) -> Self {
        let min = producer.min_len().max(1);
        let max = producer.max_len().max(min);
        Self { producer: Some(producer), len, threads: threads.max(1), min, max, pieces: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.producer.is_none()
    }

    /// The next items.
    pub(super) fn take(&mut self) -> Option<Piece<P>> {
        let producer = self.producer.take()?;
        let number = self.pieces;
        self.pieces += 1;
        let mut take = self.len.div_ceil(PART * self.threads).clamp(self.min, self.max);
        // As with rayon, no piece is shorter than the least unless all are.
        if self.len < take.saturating_add(self.min) && self.len <= self.max {
            take = self.len;
        }
        if take >= self.len {
            self.len = 0;
            return Some(Piece { number, producer });
        }
        let (producer, rest) = producer.split_at(take);
        self.len -= take;
        self.producer = Some(rest);
        Some(Piece { number, producer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::iter::plumbing::ProducerCallback;
    use rayon::prelude::*;

    /// Gives the lengths of all pieces, after a look at their order.
    struct Lengths(usize, usize);

    impl ProducerCallback<usize> for Lengths {
        type Output = Vec<usize>;

        fn callback<P: Producer<Item = usize>>(self, producer: P) -> Vec<usize> {
            let mut rest = Rest::new(producer, self.0, self.1);
            let (mut lengths, mut next) = (Vec::new(), 0);
            while let Some(piece) = rest.take() {
                assert_eq!(piece.number, lengths.len());
                let items = piece.producer.into_iter();
                lengths.push(items.len());
                items.for_each(|item| {
                    assert_eq!(item, next);
                    next += 1;
                });
            }
            assert_eq!(next, self.0);
            lengths
        }
    }

    /// Promise: pieces become shorter, down to single items, and are not many. Provoked: a thousand items for two threads.
    #[test]
    fn pieces_become_shorter() {
        let lengths = (0..1000_usize).into_par_iter().with_producer(Lengths(1000, 2));
        assert!(lengths.is_sorted_by(|one, next| one >= next), "{lengths:?}");
        assert_eq!((lengths[0], lengths[lengths.len() - 1]), (250, 1));
        assert!(lengths.len() < 40, "{lengths:?}");
    }

    /// Promise: `with_min_len` and `with_max_len` hold for each piece. Provoked: both, and lengths that do not divide.
    #[test]
    fn least_and_most_are_kept() {
        for len in [1, 7, 39, 40, 41, 100, 999] {
            let least = (0..len).into_par_iter().with_min_len(40).with_producer(Lengths(len, 8));
            assert!(least.iter().all(|&piece| piece >= 40.min(len)), "{least:?}");
            let most = (0..len).into_par_iter().with_max_len(3).with_producer(Lengths(len, 1));
            assert!(most.iter().all(|&piece| piece <= 3), "{most:?}");
        }
    }
}
