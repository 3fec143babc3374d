//! Words that are read whole or not at all.

use super::*;

/// Words that only the writer with this ticket writes.
fn words(ticket: u64) -> [u64; 2] {
    [10 + ticket, 20 + ticket]
}

fn holds_one_writers(shared: &Sequenced<2>) -> Option<u64> {
    let (ticket, read) = shared.read()?;
    assert_eq!(read, words(ticket));
    Some(ticket)
}

/// Rules out: a reader gets a word of one writer and a word of another, or words that are older than their ticket.
#[test]
fn no_reader_gets_the_words_of_two_writers() {
    explore_all("one writer twice, and a reader", || {
        let shared = Arc::new(Sequenced::<2>::default());
        let writer = {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || (0..2).for_each(|ticket| shared.write(ticket, words(ticket))))
        };
        let seen = holds_one_writers(&shared);
        writer.join().unwrap();
        assert!(seen <= Some(1));
        assert_eq!(holds_one_writers(&shared), Some(1));
    });
}

/// Rules out the same for two writers that meet: one of them gives way, and neither leaves the sequence odd.
#[test]
fn of_two_writers_that_meet_one_is_heard_whole() {
    explore("two writers and a reader", || {
        let shared = Arc::new(Sequenced::<2>::default());
        let writers = [0, 1].map(|ticket| {
            let shared = Arc::clone(&shared);
            loom::thread::spawn(move || shared.write(ticket, words(ticket)))
        });
        holds_one_writers(&shared);
        join(writers);
        assert!(holds_one_writers(&shared).is_some());
    });
}
