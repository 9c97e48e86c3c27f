use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use shoal_types::{Caller, Context, Deadline, Env, Fault, Idempotency, SpanId, TraceId};

/// Bytes of a frame after its length.
pub(super) const FRAME_LEN_MAX: usize = 16 << 20;

/// Length of the kind and the id, which every frame has.
const HEAD_LEN: usize = 1 + 8;

/// What each side sends first, so that a stranger on the port is told at once from a node. The digit changes when
/// the frames do.
pub(super) const PREFACE: [u8; 8] = *b"shoal/1\n";

/// One message on a connection.
///
/// `length: u32 | kind: u8 | id: u64 | payload`, big-endian; `length` counts what follows it. The id names a call on
/// its connection and is 0 for frames that concern no call. A call's payload is `header length: u32 | header |
/// body`, the header being [`Header`] in MessagePack with named fields; a fault's is a [`Fault`], likewise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Please answer.
    Call { id: u64, header: Bytes, body: Bytes },
    /// The answer.
    Answer { id: u64, body: Bytes },
    /// The call went wrong; what it changed is unknown.
    Failed { id: u64, fault: Fault },
    /// The call was not begun: another node may be asked.
    Refused { id: u64, fault: Fault },
    /// Nobody waits for the answer any more.
    Cancel { id: u64 },
    /// Are you there?
    Ping,
    /// I am here.
    Pong,
    /// I answer what was sent but take no further calls.
    GoAway,
}

/// What a peer sent that is no frame. The connection is of no use any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Garbage {
    TooLong(usize),
    TooShort,
    UnknownKind(u8),
    Fault,
}

impl fmt::Display for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(f, "a frame of {length} bytes, more than {FRAME_LEN_MAX}"),
            Self::TooShort => f.write_str("a frame shorter than what it must hold"),
            Self::UnknownKind(kind) => write!(f, "a frame of the unknown kind {kind}"),
            Self::Fault => f.write_str("a fault that cannot be decoded"),
        }
    }
}

impl std::error::Error for Garbage {}

impl Frame {
    /// Whether a call with such a header and body fits a frame.
    pub(super) fn fits(header: &[u8], body: &[u8]) -> bool {
        HEAD_LEN + 4 + header.len() + body.len() <= FRAME_LEN_MAX
    }

    pub(super) fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::Call { id, header, body } => {
                head(out, 1, *id, 4 + header.len() + body.len());
                out.put_u32(length(header.len()));
                out.put_slice(header);
                out.put_slice(body);
            }
            Self::Answer { id, body } => {
                head(out, 2, *id, body.len());
                out.put_slice(body);
            }
            Self::Failed { id, fault } => encode_fault(out, 3, *id, fault),
            Self::Refused { id, fault } => encode_fault(out, 4, *id, fault),
            Self::Cancel { id } => head(out, 5, *id, 0),
            Self::Ping => head(out, 6, 0, 0),
            Self::Pong => head(out, 7, 0, 0),
            Self::GoAway => head(out, 8, 0, 0),
        }
    }

    /// Takes the next frame off `input`; `None` if it has not come whole.
    pub(super) fn decode(input: &mut BytesMut) -> Result<Option<Self>, Garbage> {
        let Some(prefix) = input.first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_be_bytes(*prefix) as usize;
        if length > FRAME_LEN_MAX {
            return Err(Garbage::TooLong(length));
        }
        if length < HEAD_LEN {
            return Err(Garbage::TooShort);
        }
        if input.len() < 4 + length {
            return Ok(None);
        }
        let mut frame = input.split_to(4 + length).freeze();
        frame.advance(4);
        let (kind, id) = (frame.get_u8(), frame.get_u64());
        Ok(Some(match kind {
            1 => {
                let (header, body) = split_call(frame)?;
                Self::Call { id, header, body }
            }
            2 => Self::Answer { id, body: frame },
            3 => Self::Failed { id, fault: decode_fault(&frame)? },
            4 => Self::Refused { id, fault: decode_fault(&frame)? },
            5 => Self::Cancel { id },
            6 => Self::Ping,
            7 => Self::Pong,
            8 => Self::GoAway,
            unknown => return Err(Garbage::UnknownKind(unknown)),
        }))
    }
}

fn head(out: &mut BytesMut, kind: u8, id: u64, payload: usize) {
    out.put_u32(length(HEAD_LEN + payload));
    out.put_u8(kind);
    out.put_u64(id);
}

fn length(len: usize) -> u32 {
    u32::try_from(len).expect("whoever makes a frame has checked its length")
}

fn encode_fault(out: &mut BytesMut, kind: u8, id: u64, fault: &Fault) {
    let bytes = rmp_serde::to_vec_named(fault).expect("a fault is plain data");
    head(out, kind, id, bytes.len());
    out.put_slice(&bytes);
}

fn decode_fault(bytes: &[u8]) -> Result<Fault, Garbage> {
    rmp_serde::from_slice(bytes).map_err(|_| Garbage::Fault)
}

fn split_call(mut payload: Bytes) -> Result<(Bytes, Bytes), Garbage> {
    if payload.len() < 4 {
        return Err(Garbage::TooShort);
    }
    let header_len = payload.get_u32() as usize;
    if header_len > payload.len() {
        return Err(Garbage::TooShort);
    }
    let header = payload.split_to(header_len);
    Ok((header, payload))
}

/// What travels with a call: where it goes, and its [`Context`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow)]
    pub(super) service: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) method: Cow<'a, str>,
    /// Time left; the nodes' clocks need not agree.
    remaining_us: u64,
    pub(super) caller: Caller,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    trace: TraceId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    span: Option<SpanId>,
    #[serde(default)]
    idempotency: Option<Cow<'a, Idempotency>>,
}

impl<'a> Header<'a> {
    pub(super) fn encode(
        env: &Env,
        cx: &'a Context,
        span: Option<SpanId>,
        service: &'a str,
        method: &'a str,
    ) -> Bytes {
        let header = Self {
            service: service.into(),
            method: method.into(),
            remaining_us: u64::try_from(cx.deadline.remaining(env).as_micros()).unwrap_or(u64::MAX),
            caller: cx.caller,
            request_id: Cow::Borrowed(&*cx.request_id),
            trace: cx.trace,
            span,
            idempotency: cx.idempotency.as_ref().map(Cow::Borrowed),
        };
        rmp_serde::to_vec_named(&header).expect("a header is plain data").into()
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        rmp_serde::from_slice(bytes).ok()
    }

    pub(super) fn remaining(&self) -> Duration {
        Duration::from_micros(self.remaining_us)
    }

    pub(super) fn context(&self, env: &Env) -> Context {
        Context {
            deadline: Deadline::after(env, self.remaining()),
            caller: self.caller,
            request_id: (*self.request_id).into(),
            trace: self.trace,
            span: self.span,
            idempotency: self.idempotency.as_deref().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(frame: &Frame) -> BytesMut {
        let mut out = BytesMut::new();
        frame.encode(&mut out);
        out
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let frames = [
            Frame::Call { id: 7, header: Bytes::from_static(b"head"), body: Bytes::from_static(b"body") },
            Frame::Answer { id: 7, body: Bytes::new() },
            Frame::Failed { id: u64::MAX, fault: Fault::Internal {} },
            Frame::Refused { id: 1, fault: Fault::Unavailable { what: "orders".into() } },
            Frame::Cancel { id: 1 },
            Frame::Ping,
            Frame::Pong,
            Frame::GoAway,
        ];
        let mut input = BytesMut::new();
        let mut read = Vec::new();
        for byte in frames.iter().flat_map(bytes) {
            input.put_u8(byte);
            read.extend(Frame::decode(&mut input).expect("valid"));
        }
        assert_eq!(read, frames);
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic() {
        let decode = |bytes: &[u8]| Frame::decode(&mut BytesMut::from(bytes));
        assert_eq!(decode(b"GET / HTTP/1.1\r\n"), Err(Garbage::TooLong(0x4745_5420)));
        assert_eq!(decode(&[0, 0, 0, 1, 1]), Err(Garbage::TooShort));
        assert_eq!(decode(&[0, 0, 0, 9, 99, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Garbage::UnknownKind(99)));
        assert_eq!(
            decode(&[0, 0, 0, 13, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            Err(Garbage::TooShort),
            "a header longer than its frame"
        );
        assert_eq!(decode(&[0, 0, 0, 10, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0xc1]), Err(Garbage::Fault));
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let length = u32::try_from(bytes.len()).expect("short");
            let mut input = BytesMut::from(&*[&length.to_be_bytes(), &*bytes].concat());
            if let Ok(Some(Frame::Call { header, .. })) = Frame::decode(&mut input) {
                let _ = Header::decode(&header);
            }
        }
    }
}
