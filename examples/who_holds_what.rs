//! A timeout that says who is to blame: thread, file and line, and for how long.
//! Run: cargo run --example who_holds_what
//!
//! Every checkout notes its caller's place in the code. That is always on, and is what timeouts, `holders` and the report
//! of `close` quote.

use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use slackwater::{CheckoutError, Pool};

fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(|| Ok::<_, String>(vec![0_u8; 4096])).name("buffers").max_size(2).build()?;
    let (taken, is_taken) = mpsc::channel();
    let (enough, is_enough) = mpsc::channel::<()>();

    let mine = pool.checkout()?;
    let hoarder = thread::Builder::new().name("hoarder".into()).spawn({
        let pool = pool.clone();
        move || {
            let _buffer = pool.checkout_owned().expect("one of the two is free");
            taken.send(()).expect("main listens");
            let _ = is_enough.recv(); // Returns when main drops its end.
        }
    })?;
    is_taken.recv()?;

    // Both are out. The error has the numbers as fields, and the text says it all to an operator.
    match pool.checkout_timeout(Duration::from_millis(50)) {
        Err(CheckoutError::Timeout(timeout)) => {
            println!("error: {timeout}\n");
            let oldest = timeout.oldest.expect("somebody holds one");
            println!(
                "as fields: {} of {} out, oldest from line {}\n",
                timeout.in_use,
                timeout.capacity,
                oldest.site.line()
            );
        }
        other => panic!("both are held: {other:?}"),
    }

    println!("who holds what, without an error:");
    for holder in pool.holders() {
        println!("  {holder}");
    }

    // A close waits for what is out, up to its deadline, and names what did not come back.
    drop(mine);
    println!("\n{}", pool.close(Duration::from_millis(50)));
    drop(enough);
    hoarder.join().expect("the hoarder ends");
    println!("after its return: {}", pool.audit());
    Ok(())
}
