use std::sync::Arc;

use http::HeaderValue;
use http::header::{HeaderMap, HeaderName};
use shoal_types::{Rng, SeededRng, TraceId};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID_LEN_MAX: usize = 128;

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
}

impl Names {
    pub(super) fn new(rng: &dyn Rng) -> Self {
        let mut seed = [0_u8; 8];
        rng.fill(&mut seed);
        Self { ids: SeededRng::new(u64::from_le_bytes(seed)) }
    }

    pub(super) fn name(&self, headers: &HeaderMap) -> Named {
        let trace = headers.get(TRACEPARENT).and_then(trace_id).unwrap_or_else(|| self.fresh());
        if let Some((request_id, header)) = headers.get(REQUEST_ID).and_then(sane) {
            return Named { request_id, header, trace };
        }
        let mut text = [0_u8; 32];
        hex::encode_to_slice(self.fresh().0, &mut text).expect("32 digits hold 16 bytes");
        let header = HeaderValue::from_bytes(&text).expect("hexadecimal digits are visible ASCII");
        let request_id = std::str::from_utf8(&text).expect("hexadecimal digits are ASCII").into();
        Named { request_id, header, trace }
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

/// The trace id of a `traceparent` header: version, trace, parent, flags, in lowercase hexadecimal digits.
///
/// Source: W3C Trace Context, section 3.2.
fn trace_id(value: &HeaderValue) -> Option<TraceId> {
    let mut parts = value.to_str().ok()?.split('-');
    let (version, trace) = (bytes::<1>(parts.next()?)?, bytes::<16>(parts.next()?)?);
    let (parent, _flags) = (bytes::<8>(parts.next()?)?, bytes::<1>(parts.next()?)?);
    let whole = version != [0] || parts.next().is_none();
    let valid = whole && version != [0xff] && trace != [0; 16] && parent != [0; 8];
    valid.then_some(TraceId(trace))
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
        let parse = |text: &str| trace_id(&HeaderValue::from_str(text).expect("a header"));
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(
            parse(valid).map(|id| id.to_string()).as_deref(),
            Some("4bf92f3577b34da6a3ce929d0e0e4736")
        );
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
