//! The thread that writes: finished lines come in batches, in any order.

use std::io;

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use slackwater::extract::Reorder;

use super::output::Output;

/// In which order lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    AsReady,
    /// That of the input.
    Input,
    /// That of the input, and nothing behind a gap: who goes on does so after the last line before it.
    Resumable,
}

/// Has `put` write lines as they come, or in order. Returns at the end of lines or at the first error.
pub fn write<L>(
    output: &mut Output,
    lines: &Receiver<Vec<(u64, L)>>,
    order: Order,
    put: impl Fn(&mut Output, L) -> io::Result<()>,
) -> io::Result<()> {
    let mut reorder = Reorder::new();
    loop {
        let batch = match lines.try_recv() {
            Ok(batch) => batch,
            Err(TryRecvError::Empty) => {
                let next = match output.idle()? {
                    Some(patience) => lines.recv_timeout(patience),
                    None => lines.recv().map_err(RecvTimeoutError::from),
                };
                match next {
                    Ok(batch) => batch,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            Err(TryRecvError::Disconnected) => break,
        };
        for (ticket, line) in batch {
            if order == Order::AsReady {
                put(output, line)?;
                continue;
            }
            reorder.put(ticket, line);
            while let Some(line) = reorder.pop() {
                put(output, line)?;
            }
        }
    }
    // Only an interruption, or a lost line, leaves anything here.
    if order == Order::Resumable {
        return Ok(());
    }
    // Otherwise what is there is written, and the count at the end tells.
    reorder.into_rest().try_for_each(|line| put(output, line))
}
