//! What is said in frames: JSON, or bytes behind a short head.

use super::error::{ChildError, ProcessError};
use super::frame::HEADER;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::io::Write;

/// Which request: an answer has to name the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// Which checkout of the worker.
    pub(super) epoch: u32,
    /// Which request of the worker.
    pub(super) id: u32,
}

/// The protocol that is spoken here.
pub(super) const PROTOCOL: u64 = 1;

/// Kinds of raw messages.
mod kind {
    pub(super) const REQUEST: u8 = 0;
    pub(super) const OK: u8 = 1;
    pub(super) const ERROR: u8 = 2;
    pub(super) const READY: u8 = 3;
    pub(super) const FAILED: u8 = 4;
    pub(super) const PING: u8 = 5;
    pub(super) const STOP: u8 = 6;
}

/// Bytes before the payload of a raw message: epoch, id and kind.
const RAW_HEAD: usize = 9;

/// What a worker says of itself when it is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Ready {
    #[serde(default)]
    pub(super) protocol: u64,
    #[serde(default)]
    pub(super) operations: Vec<String>,
}

/// A worker's first message.
pub(super) enum First {
    Ready(Ready),
    Failed(ChildError),
}

/// A worker's answer.
#[derive(Debug)]
pub(super) enum Answer<'m> {
    Ok(&'m [u8]),
    Error(ChildError),
}

#[derive(Serialize)]
struct Request<'r, A: ?Sized> {
    id: u32,
    epoch: u32,
    op: &'r str,
    args: &'r A,
}

#[derive(Serialize)]
struct Ping {
    id: u32,
    epoch: u32,
    ping: bool,
}

#[derive(Deserialize)]
struct Reply<'m> {
    id: u64,
    epoch: u64,
    #[serde(borrow, default, deserialize_with = "though_null")]
    ok: Option<&'m RawValue>,
    #[serde(default)]
    error: Option<ChildError>,
}

#[derive(Deserialize)]
struct Opening {
    ready: Option<Ready>,
    failed: Option<ChildError>,
}

/// A field that is there, even if it is null.
fn though_null<'de: 'm, 'm, D: Deserializer<'de>>(from: D) -> Result<Option<&'m RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Writes a JSON request as a frame into `frame`.
pub(super) fn json_request<A: Serialize + ?Sized>(
    frame: &mut Vec<u8>,
    tag: Tag,
    op: &str,
    args: &A,
    max: u32,
) -> Result<(), ProcessError> {
    begin(frame);
    let request = Request { id: tag.id, epoch: tag.epoch, op, args };
    serde_json::to_writer(&mut *frame, &request).map_err(ProcessError::Encode)?;
    end(frame, max)
}

/// Writes a raw request as a frame into `frame`.
pub(super) fn raw_request(frame: &mut Vec<u8>, tag: Tag, payload: &[u8], max: u32) -> Result<(), ProcessError> {
    begin(frame);
    raw_head(frame, tag, kind::REQUEST);
    frame.extend_from_slice(payload);
    end(frame, max)
}

/// Writes a ping as a frame into `frame`.
pub(super) fn ping(frame: &mut Vec<u8>, tag: Tag, raw: bool) {
    begin(frame);
    if raw {
        raw_head(frame, tag, kind::PING);
    } else {
        let ping = Ping { id: tag.id, epoch: tag.epoch, ping: true };
        serde_json::to_writer(&mut *frame, &ping).expect("numbers can be written");
    }
    end(frame, u32::MAX).expect("it is short");
}

/// The request to stop, as a frame.
pub(super) fn stop(raw: bool) -> Vec<u8> {
    let mut frame = Vec::new();
    begin(&mut frame);
    if raw {
        raw_head(&mut frame, Tag { epoch: 0, id: 0 }, kind::STOP);
    } else {
        frame.extend_from_slice(br#"{"stop":true}"#);
    }
    end(&mut frame, u32::MAX).expect("it is short");
    frame
}

fn raw_head(frame: &mut Vec<u8>, tag: Tag, kind: u8) {
    frame.extend_from_slice(&tag.epoch.to_be_bytes());
    frame.extend_from_slice(&tag.id.to_be_bytes());
    frame.push(kind);
}

fn begin(frame: &mut Vec<u8>) {
    frame.clear();
    frame.extend_from_slice(&[0; HEADER]);
}

/// Fills in the length.
fn end(frame: &mut [u8], max: u32) -> Result<(), ProcessError> {
    let length = (frame.len() - HEADER) as u64;
    match u32::try_from(length) {
        Ok(short) if short <= max => {
            frame[..HEADER].copy_from_slice(&short.to_be_bytes());
            Ok(())
        }
        _ => Err(ProcessError::RequestTooLarge { length, max }),
    }
}

/// Reads a worker's first message.
pub(super) fn first(message: &[u8], raw: bool) -> Result<First, String> {
    if raw {
        let (_, kind, payload) = raw_parts(message)?;
        return match kind {
            kind::READY if payload.is_empty() => Ok(First::Ready(Ready::default())),
            kind::READY => {
                let ready = serde_json::from_slice(payload).map_err(|error| format!("{error}, in {}", shown(payload)));
                ready.and_then(spoken_here)
            }
            kind::FAILED => Ok(First::Failed(raw_error(payload))),
            kind => Err(format!("it has kind {kind}, where 3 (ready) or 4 (failed) is due")),
        };
    }
    let opening: Opening =
        serde_json::from_slice(message).map_err(|error| format!("{error}, in {}", shown(message)))?;
    match (opening.ready, opening.failed) {
        (Some(ready), None) => spoken_here(ready),
        (None, Some(failed)) => Ok(First::Failed(failed)),
        _ => Err(format!("neither `ready` nor `failed` alone is in {}", shown(message))),
    }
}

fn spoken_here(ready: Ready) -> Result<First, String> {
    match ready.protocol {
        PROTOCOL => Ok(First::Ready(ready)),
        other => Err(format!("it speaks protocol {other}, where {PROTOCOL} is spoken here")),
    }
}

/// What is wrong with an answer.
pub(super) enum Wrong {
    /// It is none.
    Malformed(String),
    /// It answers something else.
    Stray(String),
}

/// Reads the answer to the request `tag`.
pub(super) fn answer(message: &[u8], tag: Tag, raw: bool) -> Result<Answer<'_>, Wrong> {
    let strays = |epoch: u64, id: u64| {
        let Tag { epoch: its, id: its_id } = tag;
        Wrong::Stray(format!(
            "it answers request {id} of epoch {epoch}, where request {its_id} of epoch {its} was under way"
        ))
    };
    if raw {
        let (of, kind, payload) = raw_parts(message).map_err(Wrong::Malformed)?;
        return match kind {
            _ if of != tag => Err(strays(of.epoch.into(), of.id.into())),
            kind::OK => Ok(Answer::Ok(payload)),
            kind::ERROR => Ok(Answer::Error(raw_error(payload))),
            kind => Err(Wrong::Malformed(format!("it has kind {kind}, where 1 (ok) or 2 (error) is due"))),
        };
    }
    let reply: Reply<'_> =
        serde_json::from_slice(message).map_err(|error| Wrong::Malformed(format!("{error}, in {}", shown(message))))?;
    if (reply.epoch, reply.id) != (tag.epoch.into(), tag.id.into()) {
        return Err(strays(reply.epoch, reply.id));
    }
    match (reply.ok, reply.error) {
        (Some(value), None) => Ok(Answer::Ok(value.get().as_bytes())),
        (None, Some(error)) => Ok(Answer::Error(error)),
        _ => Err(Wrong::Malformed(format!("neither `ok` nor `error` alone is in {}", shown(message)))),
    }
}

/// The value in the usual answer to the request `tag`, in the order of fields that the kit has: it is looked at by whoever reads it, and by
/// nobody before. What cannot be read may be no value, nor this an answer: [`answer`] tells.
pub(super) fn usual(message: &[u8], tag: Tag) -> Option<&[u8]> {
    let mut head = [0; 48];
    let mut rest = &mut head[..];
    write!(rest, r#"{{"id":{},"epoch":{},"ok":"#, tag.id, tag.epoch).expect("the longest numbers have room");
    let left = rest.len();
    let value = message.strip_prefix(&head[..head.len() - left])?.strip_suffix(b"}")?;
    // Who reads it may pass over a string unseen.
    std::str::from_utf8(value).is_ok().then_some(value)
}

fn raw_parts(message: &[u8]) -> Result<(Tag, u8, &[u8]), String> {
    let Some((head, payload)) = message.split_at_checked(RAW_HEAD) else {
        return Err(format!("it has {} bytes, where a raw message has {RAW_HEAD} at least", message.len()));
    };
    let number = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().expect("four bytes"));
    Ok((Tag { epoch: number(0), id: number(4) }, head[8], payload))
}

/// A raw error is one in JSON, or any text.
fn raw_error(payload: &[u8]) -> ChildError {
    serde_json::from_slice(payload).unwrap_or_else(|_| ChildError {
        message: String::from_utf8_lossy(payload).into_owned(),
        ..ChildError::default()
    })
}

/// The beginning of a message, for an error.
fn shown(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(&message[..message.len().min(80)]);
    format!("{text:?}{}", if message.len() > 80 { "..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: Tag = Tag { epoch: 3, id: 7 };

    fn kind_of(message: &[u8], raw: bool) -> &'static str {
        match answer(message, TAG, raw) {
            Ok(Answer::Ok(_)) => "ok",
            Ok(Answer::Error(_)) => "error",
            Err(Wrong::Malformed(_)) => "malformed",
            Err(Wrong::Stray(_)) => "stray",
        }
    }

    #[test]
    fn requests_are_written_as_the_wire_says() {
        let mut frame = Vec::new();
        json_request(&mut frame, TAG, "name", &[1, 2], 1_000).unwrap();
        let text = br#"{"id":7,"epoch":3,"op":"name","args":[1,2]}"#;
        assert_eq!(frame, [&(text.len() as u32).to_be_bytes()[..], text].concat());
        ping(&mut frame, TAG, false);
        assert_eq!(&frame[4..], br#"{"id":7,"epoch":3,"ping":true}"#);
        raw_request(&mut frame, TAG, b"xy", 1_000).unwrap();
        assert_eq!(frame, [0, 0, 0, 11, 0, 0, 0, 3, 0, 0, 0, 7, 0, b'x', b'y']);
        assert_eq!(&stop(false)[4..], br#"{"stop":true}"#);
        assert!(matches!(
            raw_request(&mut frame, TAG, b"xyz", 11),
            Err(ProcessError::RequestTooLarge { length: 12, max: 11 })
        ));
    }

    #[test]
    fn an_answer_is_to_the_very_request_or_none() {
        let cases: [(&str, &str); 9] = [
            (r#"{"id":7,"epoch":3,"ok":null}"#, "ok"),
            (r#"{"id":7,"epoch":3,"error":{"type":"E","message":"m","traceback":"t"}}"#, "error"),
            (r#"{"id":6,"epoch":3,"ok":1}"#, "stray"),
            (r#"{"id":7,"epoch":2,"ok":1}"#, "stray"),
            (r#"{"id":4294967303,"epoch":3,"ok":1}"#, "stray"),
            (r#"{"id":7,"epoch":3}"#, "malformed"),
            (r#"{"id":7,"epoch":3,"ok":1,"error":{}}"#, "malformed"),
            (r#"{"ok":1}"#, "malformed"),
            ("hello", "malformed"),
        ];
        for (message, expected) in cases {
            assert_eq!(kind_of(message.as_bytes(), false), expected, "{message}");
        }
        for (message, expected) in [
            (&[0, 0, 0, 3, 0, 0, 0, 7, 1, 9][..], "ok"),
            (&[0, 0, 0, 3, 0, 0, 0, 7, 2, b'e'][..], "error"),
            (&[0, 0, 0, 3, 0, 0, 0, 7, 3][..], "malformed"),
            (&[0, 0, 0, 2, 0, 0, 0, 7, 1][..], "stray"),
            (&[0, 0, 0, 3, 0, 0, 0, 7][..], "malformed"),
        ] {
            assert_eq!(kind_of(message, true), expected, "{message:?}");
        }
    }

    /// Promise: what is taken for a usual answer is one whose value can be read, or it is looked at again. Provoked: each beginning and end.
    #[test]
    fn a_usual_answer_is_what_it_begins_and_ends_with() {
        let value =
            |message: &str| usual(message.as_bytes(), TAG).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(value(r#"{"id":7,"epoch":3,"ok":[1,2]}"#).as_deref(), Some("[1,2]"));
        assert_eq!(value(r#"{"id":7,"epoch":3,"ok":}"#).as_deref(), Some(""));
        for other in [
            r#"{"id":7,"epoch":3,"ok":1"#,
            r#"{"id":7,"epoch":3,"ok":1} "#,
            r#"{"id":77,"epoch":3,"ok":1}"#,
            r#"{"id":7,"epoch":33,"ok":1}"#,
            r#"{"id":7, "epoch":3,"ok":1}"#,
            r#"{"epoch":3,"id":7,"ok":1}"#,
            r#"{"id":7,"epoch":3,"error":1}"#,
            "",
        ] {
            assert_eq!(value(other), None, "{other}");
        }
        assert_eq!(usual(b"{\"id\":7,\"epoch\":3,\"ok\":\"\xff\"}", TAG), None, "no text");
        let longest = Tag { epoch: u32::MAX, id: u32::MAX };
        assert_eq!(usual(br#"{"id":4294967295,"epoch":4294967295,"ok":1}"#, longest), Some(&b"1"[..]));
    }

    #[test]
    fn a_first_message_says_ready_or_why_not() {
        let read = |text: &str| match first(text.as_bytes(), false) {
            Ok(First::Ready(ready)) => format!("ready {}", ready.operations.join(",")),
            Ok(First::Failed(error)) => format!("failed {error}"),
            Err(reason) => reason,
        };
        assert_eq!(read(r#"{"ready":{"protocol":1,"pid":1,"operations":["a","b"]}}"#), "ready a,b");
        assert_eq!(
            read(r#"{"failed":{"type":"ImportError","message":"no numpy","traceback":""}}"#),
            "failed ImportError: no numpy"
        );
        assert!(read(r#"{"ready":{"protocol":2}}"#).contains("protocol 2"));
        assert!(read("{}").contains("neither"));
        assert!(read("Traceback").contains("Traceback"));
        let read_raw = |payload: &[u8]| match first(&[&[0; 8][..], &[3], payload].concat(), true) {
            Ok(First::Ready(ready)) => format!("ready {}", ready.operations.join(",")),
            Ok(First::Failed(error)) => format!("failed {error}"),
            Err(reason) => reason,
        };
        assert_eq!(read_raw(b""), "ready ");
        assert_eq!(read_raw(br#"{"protocol":1,"operations":["a"]}"#), "ready a");
        assert!(read_raw(br#"{"protocol":2}"#).contains("protocol 2"));
        assert!(read_raw(b"words").contains("words"));
    }
}
