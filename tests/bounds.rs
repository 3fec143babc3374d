//! What the types promise to the compiler. Most of it is checked when this file is compiled; what must *not* compile
//! stands in `docs/guarantees.md` and is checked by its doctests.

use slackwater::{Checkout, CheckoutError, Lent, Manager, OwnedCheckout, Pool, PoolConfig, Stats, VirtualClock};
use std::cell::Cell;
use std::marker::PhantomData;
use std::rc::Rc;

/// A manager of resources of type `R`, with nothing else in it that could lend or take a bound.
struct Makes<R>(PhantomData<fn() -> R>);

impl<R: Default + Send + 'static> Manager for Makes<R> {
    type Resource = R;
    type Error = String;

    fn create(&self) -> Result<R, String> {
        Ok(R::default())
    }
}

/// Send, not Sync.
type NotSync = Makes<Cell<Box<u8>>>;
/// Send and Sync.
type Both = Makes<Box<u8>>;

/// Tells at compile time whether a type has a bound: an inherent constant wins over a trait's, where its bounds hold.
macro_rules! has {
    ($type:ty: $bound:path) => {{
        #[allow(dead_code, reason = "chosen only where the bound does not hold")]
        trait Otherwise {
            const HOLDS: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        struct Ask<T: ?Sized>(#[allow(dead_code, reason = "only its type matters")] PhantomData<T>);
        #[allow(dead_code, reason = "chosen only where the bound holds")]
        impl<T: ?Sized + $bound> Ask<T> {
            const HOLDS: bool = true;
        }
        <Ask<$type>>::HOLDS
    }};
}

const _: () = {
    // The question itself works.
    assert!(has!(u8: Send) && !has!(Rc<u8>: Send) && !has!(Cell<u8>: Sync));

    // A pool is shared by threads even if its resources are not.
    assert!(has!(Pool<NotSync>: Send) && has!(Pool<NotSync>: Sync));
    assert!(has!(Pool<Both>: Send) && has!(Pool<Both>: Sync));

    // A guard moves to another thread with its resource, and is shared only if the resource may be.
    assert!(has!(Checkout<'static, NotSync>: Send) && !has!(Checkout<'static, NotSync>: Sync));
    assert!(has!(OwnedCheckout<NotSync>: Send) && !has!(OwnedCheckout<NotSync>: Sync));
    assert!(has!(Checkout<'static, Both>: Send) && has!(Checkout<'static, Both>: Sync));
    assert!(has!(OwnedCheckout<Both>: Send) && has!(OwnedCheckout<Both>: Sync));

    assert!(has!(Lent<'static, NotSync>: Send) && !has!(Lent<'static, NotSync>: Sync));
    assert!(has!(Lent<'static, Both>: Send) && has!(Lent<'static, Both>: Sync));

    // A second guard of one resource would be a second owner.
    assert!(!has!(Checkout<'static, Both>: Clone) && !has!(OwnedCheckout<Both>: Clone));

    // Errors travel and are kept.
    assert!(has!(CheckoutError: Send) && has!(CheckoutError: Sync) && has!(CheckoutError: Clone));
    assert!(has!(Stats: Send) && has!(PoolConfig: Send) && has!(PoolConfig: Sync) && has!(VirtualClock: Sync));
};

#[test]
fn a_guard_is_a_slot_and_a_word_and_the_pool_if_it_keeps_it() {
    // The slot, which knows its pool, and the word it has: what a return needs, and no more.
    assert_eq!(size_of::<Checkout<'static, Both>>(), 2 * size_of::<u64>());
    assert_eq!(size_of::<OwnedCheckout<Both>>(), 3 * size_of::<u64>());
    assert_eq!(size_of::<Option<Checkout<'static, Both>>>(), size_of::<Checkout<'static, Both>>());
}

#[test]
fn an_owned_guard_outlives_its_pool_and_a_borrowing_one_moves_to_a_thread() {
    let pool = Pool::builder(Makes::<Cell<Box<u8>>>(PhantomData)).max_size(2).build().unwrap();
    let guard = pool.checkout().unwrap();
    std::thread::scope(|s| s.spawn(move || guard.set(Box::new(1))).join().unwrap());
    let owned = pool.checkout_owned().unwrap();
    drop(pool);
    std::thread::spawn(move || drop(owned)).join().unwrap();
}

#[test]
fn a_guard_goes_where_a_reference_is_asked_for() {
    fn write_to(output: &mut impl std::io::Write) {
        output.write_all(b"knows of no pool").unwrap();
    }
    fn length(bytes: &[u8]) -> usize {
        bytes.len()
    }
    let pool = Pool::builder(Makes::<Vec<u8>>(PhantomData)).build().unwrap();
    let mut guard = pool.checkout().unwrap();
    write_to(&mut *guard);
    assert_eq!(length(&guard), 16);
    drop(guard);
    let mut owned = pool.checkout_owned().unwrap();
    write_to(&mut *owned);
    assert_eq!(length(&owned), 32);
    drop(owned);
    pool.with(write_to).unwrap();
    assert_eq!(length(&pool.checkout().unwrap()), 48);
}
