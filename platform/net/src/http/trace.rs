use std::sync::Arc;

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use shoal_types::{Rng, SeededRng, SpanId, TraceId};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID_LEN_MAX: usize = 128;
/// The one flag of a `traceparent` that is in use.
const SAMPLED: u8 = 1;

/// Names requests: takes the client's ids where they are sane and makes its own where not.
pub(super) struct Names {
    /// Drawn from cheaply and seeded once: these ids must be unlike each other, not secret.
    ids: SeededRng,
}

/// The names of one request.
pub(super) struct Named {
    pub(super) request_id: Arc<str>,
    pub(super) header: HeaderValue,
    pub(super) trace: TraceId,
    /// The client's own span, if the request is part of a trace of the client's.
    pub(super) parent: Option<Parent>,
}

/// The span of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) span: SpanId,
    /// Whether the client records the trace.
    pub(super) sampled: bool,
}

impl Named {
    /// The client's span, if the client records it.
    pub(super) fn recorded_by_client(&self) -> Option<SpanId> {
        self.parent.filter(|parent| parent.sampled).map(|parent| parent.span)
    }
}

impl Names {
    pub(super) fn new(rng: &dyn Rng) -> Self {
        let mut seed = [0_u8; 8];
        rng.fill(&mut seed);
        Self { ids: SeededRng::new(u64::from_le_bytes(seed)) }
    }

    pub(super) fn name(&self, headers: &HeaderMap) -> Named {
        let (trace, parent) = match headers.get(TRACEPARENT).and_then(traceparent) {
            Some((trace, parent)) => (trace, Some(parent)),
            None => (self.fresh(), None),
        };
        if let Some((request_id, header)) = headers.get(REQUEST_ID).and_then(sane) {
            return Named { request_id, header, trace, parent };
        }
        let mut text = [0_u8; 32];
        hex::encode_to_slice(self.fresh().0, &mut text).expect("32 digits hold 16 bytes");
        let header = HeaderValue::from_bytes(&text).expect("hexadecimal digits are visible ASCII");
        let request_id = std::str::from_utf8(&text).expect("hexadecimal digits are ASCII").into();
        Named { request_id, header, trace, parent }
    }

    fn fresh(&self) -> TraceId {
        let mut bytes = [0_u8; 16];
        self.ids.fill(&mut bytes);
        TraceId(bytes)
    }
}

/// The client's request id if it may be logged and sent back as it is.
fn sane(value: &HeaderValue) -> Option<(Arc<str>, HeaderValue)> {
    let text = value.to_str().ok()?;
    let fits = (1..=REQUEST_ID_LEN_MAX).contains(&text.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
    (fits && text.bytes().all(plain)).then(|| (text.into(), value.clone()))
}

/// The trace and the span of a `traceparent` header: version, trace, parent, flags, in lowercase hexadecimal digits.
///
/// Source: W3C Trace Context, section 3.2.
fn traceparent(value: &HeaderValue) -> Option<(TraceId, Parent)> {
    let mut parts = value.to_str().ok()?.split('-');
    let (version, trace) = (bytes::<1>(parts.next()?)?, bytes::<16>(parts.next()?)?);
    let (parent, [flags]) = (bytes::<8>(parts.next()?)?, bytes::<1>(parts.next()?)?);
    let whole = version != [0] || parts.next().is_none();
    let valid = whole && version != [0xff] && trace != [0; 16] && parent != [0; 8];
    valid.then_some((TraceId(trace), Parent { span: SpanId(parent), sampled: flags & SAMPLED != 0 }))
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    let lowercase = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
    (lowercase && hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_traceparent_is_taken_and_any_other_ignored() {
        let parse = |text: &str| traceparent(&HeaderValue::from_str(text).expect("a header"));
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (trace, parent) = parse(valid).expect("valid");
        assert_eq!(trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((parent.span.to_string().as_str(), parent.sampled), ("00f067aa0ba902b7", true));
        let unrecorded = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        assert_eq!(parse(unrecorded).map(|(_, parent)| parent.sampled), Some(false));
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_insane_request_id_is_replaced() {
        let names = Names::new(&SeededRng::new(1));
        let with = |text: &str| {
            let value = HeaderValue::from_str(text).expect("a header");
            names.name(&HeaderMap::from_iter([(REQUEST_ID, value)])).request_id
        };
        assert_eq!(&*with("req-1"), "req-1");
        for text in ["", "a b", "<script>", &"x".repeat(129)] {
            assert_eq!(with(text).len(), 32, "{text}");
        }
    }
}
