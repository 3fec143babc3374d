use super::support::{WATCHDOG, closes_balanced, until};
use crossbeam_channel::bounded;
use slackwater::{JobError, SubmitError, VirtualClock, Workers};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

type Make = fn() -> Result<u64, String>;

/// Workers whose resource is how many jobs they have done.
fn workers(size: usize) -> Workers<Make> {
    let make: Make = || Ok(0);
    Workers::builder(make).pool(move |pool| pool.max_size(size)).build().unwrap()
}

/// Promise: the order is the source's. Provoked: of each two items the first takes longer, on several workers.
#[test]
fn answers_come_in_the_order_of_the_items() {
    let workers = workers(3);
    let answers = workers.map(0..500_u32, |done, item| {
        *done += 1;
        if item % 2 == 0 {
            std::thread::yield_now();
        }
        item * 2
    });
    let answers: Vec<u32> = answers.map(Result::unwrap).collect();
    assert_eq!(answers, (0..500).map(|item| item * 2).collect::<Vec<_>>());
    closes_balanced(workers.pool());
}

/// Promise: items asked for and not taken are never more than the look-ahead, and nothing is asked for before the first `next`.
#[test]
fn no_more_than_the_look_ahead_is_asked_of_the_source() {
    let workers = workers(2);
    let (asked, taken, most) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let source = std::iter::from_fn(|| {
        asked.set(asked.get() + 1);
        most.set(most.get().max(asked.get() - taken.get()));
        Some(asked.get())
    });
    let mut answers = workers.map(source, |_, item: usize| item).look_ahead(5);
    assert_eq!(asked.get(), 0);
    for number in 1..=300 {
        assert_eq!(answers.next().unwrap().unwrap(), number);
        taken.set(number);
    }
    drop(answers);
    assert!(most.get() <= 5, "{} ahead", most.get());
    closes_balanced(workers.pool());
}

/// Promise: a look-ahead is used. Provoked: no job ends before all of them have begun, or wait for a worker.
#[test]
fn the_look_ahead_is_filled_while_the_answer_that_is_due_takes_long() {
    let workers = workers(1);
    let asked = Arc::new(AtomicUsize::new(0));
    let source = (0..20_usize).inspect({
        let asked = asked.clone();
        move |_| _ = asked.fetch_add(1, SeqCst)
    });
    let seen = asked.clone();
    let mut answers =
        workers.map(source, move |_, item| until(|| seen.load(SeqCst) >= (item + 6).min(20))).look_ahead(6);
    assert!(answers.next().unwrap().is_ok());
    assert!(answers.by_ref().all(|answer| answer.is_ok()));
    assert_eq!(answers.next().map(drop), None);
    closes_balanced(workers.pool());
}

/// Promise: what is there is given before the source is asked again. Provoked: the source gives its second item once the first one's
/// answer is there, and would block for ever if it were asked for a third.
#[test]
fn an_answer_that_is_there_does_not_wait_for_a_source_that_blocks() {
    let workers = workers(1);
    let pool = workers.pool().clone();
    let (sender, receiver) = bounded::<u32>(2);
    let source = receiver.iter().inspect(|&item| {
        if item == 2 {
            until(|| pool.stats().in_use == 0 && pool.stats().returns() >= 1);
        }
    });
    let mut answers = workers.map(source, |_, item| item).look_ahead(3);
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(answers.next().unwrap().unwrap(), 1);
    drop(sender);
    assert_eq!(answers.next().unwrap().unwrap(), 2);
    assert!(answers.next().is_none() && answers.next().is_none());
    drop(answers);
    closes_balanced(&pool);
}

#[test]
fn an_item_that_panics_has_an_error_and_the_others_their_answers() {
    let workers = workers(2);
    let answers = workers.map(0..100, |_, item| {
        assert!(item % 7 != 3, "item {item}");
        item
    });
    for (item, answer) in answers.enumerate() {
        match answer {
            Ok(same) => assert!(same == item && item % 7 != 3),
            Err(JobError::Panicked(panic)) => assert_eq!(panic.message(), format!("item {item}")),
            Err(other) => panic!("{other}"),
        }
    }
    closes_balanced(workers.pool());
}

#[test]
fn a_source_that_panics_is_not_asked_again_and_what_it_gave_is_answered() {
    let workers = workers(1);
    let source = (0..).inspect(|&item| assert!(item != 3, "no fourth item"));
    let mut answers = workers.map(source, |_, item: u32| item).look_ahead(8);
    let mut panics = 0;
    let mut given = Vec::new();
    loop {
        match catch_unwind(AssertUnwindSafe(|| answers.next())) {
            Ok(Some(answer)) => given.push(answer.unwrap()),
            Ok(None) => break,
            Err(_) => panics += 1,
        }
    }
    assert_eq!((given, panics), (vec![0, 1, 2], 1));
    drop(answers);
    closes_balanced(workers.pool());
}

/// Promise: a drop cancels what has not begun and waits for nothing. Provoked: one worker, at an item that does not end.
#[test]
fn dropping_it_cancels_what_has_not_begun_and_does_not_wait() {
    let workers = workers(1);
    let (asked, begun, open) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
    let source = (0..8).inspect({
        let asked = asked.clone();
        move |_| _ = asked.fetch_add(1, SeqCst)
    });
    let mut answers = workers
        .map(source, {
            let (begun, open) = (begun.clone(), open.clone());
            move |_, item| {
                begun.fetch_add(1, SeqCst);
                match item {
                    0 => until(|| asked.load(SeqCst) == 8),
                    _ => until(|| open.load(SeqCst)),
                }
            }
        })
        .look_ahead(8);
    answers.next().unwrap().unwrap();
    until(|| begun.load(SeqCst) == 2);
    drop(answers);
    open.store(true, SeqCst);
    // One more job, in the same lane: it runs after whatever is left of them.
    workers.execute(|_| ()).unwrap();
    assert_eq!(begun.load(SeqCst), 2);
    closes_balanced(workers.pool());
}

/// Promise: an item past its deadline is answered, the others are not concerned. Time moves only when that item says so.
#[test]
fn an_item_past_its_deadline_is_answered_while_it_runs() {
    let clock = VirtualClock::new();
    let make: Make = || Ok(0);
    let its = clock.clone();
    let workers = Workers::builder(make).pool(move |pool| pool.max_size(2).clock(&its)).build().unwrap();
    let open = Arc::new(AtomicBool::new(false));
    let answers = workers
        .map(0..6, {
            let (open, clock) = (open.clone(), clock.clone());
            move |_, item| {
                if item == 2 {
                    clock.advance(Duration::from_secs(2));
                    until(|| open.load(SeqCst));
                }
                item
            }
        })
        .look_ahead(1)
        .timeout(Duration::from_secs(1));
    for (item, answer) in answers.enumerate() {
        match answer {
            Ok(same) => assert!(same == item && item != 2),
            Err(JobError::Timeout(timeout)) => assert!(item == 2 && timeout.ran_for.is_some(), "{timeout}"),
            Err(other) => panic!("{other}"),
        }
    }
    open.store(true, SeqCst);
    closes_balanced(workers.pool());
}

/// Promise: as they come. Provoked: the first item ends once the answers of all others have been taken.
#[test]
fn unordered_answers_do_not_wait_for_a_slow_item() {
    let workers = workers(2);
    let open = Arc::new(AtomicBool::new(false));
    let (sender, receiver) = bounded(1);
    let seen = open.clone();
    let answers = workers.map(10..20, move |_, item| {
        if item == 10 {
            until(|| seen.load(SeqCst));
        }
        item
    });
    let mut places = Vec::new();
    for (place, answer) in answers.unordered() {
        assert_eq!(answer.unwrap(), 10 + place);
        places.push(place);
        if places.len() == 9 {
            open.store(true, SeqCst);
            sender.send(()).unwrap();
        }
    }
    assert_eq!(places.last(), Some(&0));
    places.sort_unstable();
    assert_eq!(places, (0..10).collect::<Vec<_>>());
    receiver.recv_timeout(WATCHDOG).unwrap();
    closes_balanced(workers.pool());
}

#[test]
fn an_unordered_error_tells_its_item() {
    let workers = workers(2);
    let answers = workers.map(0..50, |_, item| assert!(item != 17)).unordered();
    let failed: Vec<usize> = answers.filter_map(|(place, answer)| answer.is_err().then_some(place)).collect();
    assert_eq!(failed, [17]);
    closes_balanced(workers.pool());
}

#[test]
fn a_queue_shorter_than_the_look_ahead_is_waited_for() {
    let make: Make = || Ok(0);
    let workers = Workers::builder(make).queue(1).build().unwrap();
    let answers: Vec<u32> = workers.map(0..200, |_, item| item).look_ahead(50).map(Result::unwrap).collect();
    assert_eq!(answers, (0..200).collect::<Vec<_>>());
    let mut places: Vec<usize> = workers.map(0..200, |_, _| ()).look_ahead(50).unordered().map(|(at, _)| at).collect();
    places.sort_unstable();
    assert_eq!(places, (0..200).collect::<Vec<_>>());
    closes_balanced(workers.pool());
}

#[test]
fn every_item_that_finds_the_workers_closed_is_told() {
    let workers = workers(2);
    let mut answers = workers.map(0..10, |_, item| item).look_ahead(1);
    assert_eq!(answers.next().unwrap().unwrap(), 0);
    workers.pool().close(WATCHDOG);
    let rest: Vec<_> = answers.collect();
    assert_eq!(rest.len(), 9);
    assert!(
        rest.iter().all(
            |answer| matches!(answer, Err(JobError::Refused(reason)) if matches!(**reason, SubmitError::Closed { .. }))
        ),
        "{rest:?}"
    );
    closes_balanced(workers.pool());
}

#[test]
fn the_source_stays_on_the_thread_that_takes_the_answers() {
    let workers = workers(2);
    let counted = Rc::new(Cell::new(0));
    let source = (0..30).inspect(|_| counted.set(counted.get() + 1));
    assert_eq!(workers.map(source, |_, item| item).filter_map(Result::ok).sum::<u32>(), 435);
    assert_eq!(counted.get(), 30);
    closes_balanced(workers.pool());
}

/// Promise: no deadlock. Provoked: the only worker is at the job that maps.
#[test]
fn a_map_inside_a_job_of_the_same_workers_is_refused() {
    let workers = Arc::new(workers(1));
    let inner = workers.clone();
    let refused = workers.execute(move |_| {
        let answers = inner.map(0..3, |_, item: u32| item);
        answers
            .filter(
                |answer| matches!(answer, Err(JobError::Refused(reason)) if matches!(**reason, SubmitError::OnWorker)),
            )
            .count()
    });
    assert_eq!(refused.unwrap(), 3);
    closes_balanced(workers.pool());
}

#[test]
#[should_panic(expected = "look_ahead: 0 items")]
fn a_look_ahead_of_nothing_is_refused() {
    let _ = workers(1).map(0..3, |_, item: u32| item).look_ahead(0);
}

/// Promise: nobody waits for a worker that cannot come. Provoked: no resource can be made.
#[test]
fn every_item_is_told_that_no_worker_can_be_made() {
    let make: Make = || Err("out of order".to_owned());
    let workers = Workers::builder(make).pool(|pool| pool.min_idle(0).max_size(2)).build().unwrap();
    let answers: Vec<_> = workers.map(0..20, |_, item: u32| item).collect();
    assert_eq!(answers.len(), 20);
    assert!(answers.iter().all(|answer| matches!(answer, Err(JobError::NoWorker(_)))), "{answers:?}");
    closes_balanced(workers.pool());
}
