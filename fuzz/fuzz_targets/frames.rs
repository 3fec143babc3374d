//! Any bytes as what a worker writes, in pieces as the first of them say. Whatever comes is taken apart as by hand, takes no more memory
//! than came, and ends with the error that its end deserves.

#![no_main]

use slackwater::process::{FrameError, FrameReader, HEADER};

const MAX: u32 = 1 << 20;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&pieces, bytes)) = bytes.split_first() else { return };
    let mut reader = FrameReader::new(MAX);
    let (mut fed, mut expected) = (bytes, bytes);
    let mut turn = usize::from(pieces);
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => {
                let (head, rest) = expected.split_at(HEADER);
                let length = u32::from_be_bytes(head.try_into().expect("four bytes")) as usize;
                assert!(length > 0 && length <= MAX as usize);
                assert_eq!(frame, &rest[..length], "a frame is what stands behind its length");
                expected = &rest[length..];
            }
            Ok(None) if fed.is_empty() => break,
            Ok(None) => {
                turn = turn.wrapping_mul(31).wrapping_add(7);
                let space = reader.space();
                assert!(
                    !space.is_empty() && space.len() <= 2 * bytes.len() + 64 * 1024,
                    "memory comes with bytes, not with lengths"
                );
                let n = (1 + turn % 97).min(space.len()).min(fed.len());
                space[..n].copy_from_slice(&fed[..n]);
                reader.filled(n);
                fed = &fed[n..];
                assert_eq!(reader.pending(), expected.len() - fed.len());
            }
            Err(error) => {
                let length = u32::from_be_bytes(expected[..HEADER].try_into().expect("four bytes"));
                match error {
                    FrameError::Empty => assert_eq!(length, 0),
                    FrameError::TooLarge { length: told, max: MAX, text } => {
                        assert!(told == length && length > MAX);
                        assert!(text.is_none_or(|text| text.as_bytes() == &expected[..HEADER]));
                    }
                    other => panic!("{other} is an end, and this is none"),
                }
                assert!(reader.next_frame().is_err(), "nothing after it is believed");
                return;
            }
        }
    }
    match (reader.ended(), expected.len()) {
        (Ok(()), 0) => {}
        (Err(FrameError::TornHeader { got }), left @ 1..HEADER) => assert_eq!(got as usize, left),
        (Err(FrameError::Torn { got, length }), left) => {
            assert!(got as usize == left - HEADER && got < length);
        }
        (end, left) => panic!("{end:?} with {left} bytes left"),
    }
});
