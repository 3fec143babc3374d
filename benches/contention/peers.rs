//! The peers that have to be put together by hand, as a program without a pool would, and what r2d2 asks for.

use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Resources that are taken, waited for, and put back.
pub trait Stock: Sync {
    /// Takes one, waiting until there is one.
    fn take(&self) -> u64;
    /// Puts one back and wakes whoever waits for it.
    fn put(&self, value: u64);
}

/// A resource out of a stock; goes back there on drop.
pub struct Lent<S: Stock + 'static> {
    value: u64,
    stock: &'static S,
}

impl<S: Stock> Lent<S> {
    /// Takes one, waiting until there is one.
    #[inline]
    pub fn from(stock: &'static S) -> Self {
        Self { value: stock.take(), stock }
    }
}

impl<S: Stock> Deref for Lent<S> {
    type Target = u64;

    #[inline]
    fn deref(&self) -> &u64 {
        &self.value
    }
}

impl<S: Stock> DerefMut for Lent<S> {
    #[inline]
    fn deref_mut(&mut self) -> &mut u64 {
        &mut self.value
    }
}

impl<S: Stock> Drop for Lent<S> {
    #[inline]
    fn drop(&mut self) {
        self.stock.put(self.value);
    }
}

/// A bounded channel: receive to take, send to put back.
pub struct Channel(Sender<u64>, Receiver<u64>);

impl Channel {
    /// A channel with so many numbers in it.
    pub fn holding(resources: usize) -> Self {
        let (sender, receiver) = bounded(resources);
        (0..resources as u64).for_each(|value| sender.send(value).expect("it holds that many"));
        Self(sender, receiver)
    }
}

impl Stock for Channel {
    #[inline]
    fn take(&self) -> u64 {
        self.1.recv().expect("its sender is still there")
    }

    #[inline]
    fn put(&self, value: u64) {
        self.0.send(value).expect("its receiver is still there");
    }
}

/// The standard library's mutex and condition variable around a list.
pub struct StdLock(Mutex<Vec<u64>>, Condvar);

impl StdLock {
    /// A list with so many numbers in it.
    pub fn holding(resources: usize) -> Self {
        Self(Mutex::new(vec![0; resources]), Condvar::new())
    }
}

impl Stock for StdLock {
    fn take(&self) -> u64 {
        let mut idle = self.0.lock().expect("nobody panics with it");
        loop {
            match idle.pop() {
                Some(value) => return value,
                None => idle = self.1.wait(idle).expect("nobody panics with it"),
            }
        }
    }

    fn put(&self, value: u64) {
        self.0.lock().expect("nobody panics with it").push(value);
        self.1.notify_one();
    }
}

/// The same with `parking_lot`'s.
pub struct ParkingLot(parking_lot::Mutex<Vec<u64>>, parking_lot::Condvar);

impl ParkingLot {
    /// A list with so many numbers in it.
    pub fn holding(resources: usize) -> Self {
        Self(parking_lot::Mutex::new(vec![0; resources]), parking_lot::Condvar::new())
    }
}

impl Stock for ParkingLot {
    fn take(&self) -> u64 {
        let mut idle = self.0.lock();
        loop {
            match idle.pop() {
                Some(value) => return value,
                None => self.1.wait(&mut idle),
            }
        }
    }

    fn put(&self, value: u64) {
        self.0.lock().push(value);
        self.1.notify_one();
    }
}

/// r2d2's manager: a connection is a number, always good.
pub struct Numbers;

impl r2d2::ManageConnection for Numbers {
    type Connection = u64;
    type Error = Infallible;

    fn connect(&self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}
