//! Spans: what a node did for a request, from when to when, and what it did it for. They are for people who look for where
//! time goes; nothing depends on them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Context, Env, Timestamp, TraceId};

/// The W3C id of a span: 8 bytes, shown as 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpanId(pub [u8; 8]);

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which side of a call a span is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Answering somebody else.
    Server,
    /// Asking somebody else.
    Client,
    /// Neither.
    Internal,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpanValue {
    /// Text; never a secret, an address of a person or a body.
    Text(Cow<'static, str>),
    /// A number.
    Number(i64),
}

impl From<&'static str> for SpanValue {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for SpanValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRecord {
    /// The trace it belongs to.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// What it was done for, here or elsewhere; `None` at the root of a trace.
    pub parent: Option<SpanId>,
    /// Which side of a call it is.
    pub kind: SpanKind,
    /// What was done, of few kinds: `POST /v1/checkouts`, `products/reserve`.
    pub name: Cow<'static, str>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// What is known of it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Why it failed, if it has: a code.
    pub error: Option<Cow<'static, str>>,
}

/// Takes spans. Nobody waits for it, and it may lose some.
pub trait Spans: Send + Sync {
    /// Whether a trace that begins here is recorded; the same for all nodes that are set alike.
    fn samples(&self, trace: TraceId) -> bool;

    /// Keeps a span; must return at once.
    fn record(&self, span: SpanRecord);
}

/// A span under way: recorded when it is dropped. Of a trace that is not recorded it is empty and costs nothing.
#[must_use = "it ends when it is dropped"]
pub struct Span(Option<Box<Open>>);

struct Open {
    env: Env,
    spans: Arc<dyn Spans>,
    record: SpanRecord,
}

impl Span {
    /// A span that is not recorded.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Begins a span of a trace that is recorded, if this node keeps any.
    pub fn begin(
        env: &Env,
        trace: TraceId,
        parent: Option<SpanId>,
        kind: SpanKind,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Self {
        let Some(spans) = env.spans() else { return Self::none() };
        let mut id = [0; 8];
        env.rng().fill(&mut id);
        let now = env.now();
        let record = SpanRecord {
            trace,
            id: SpanId(id),
            parent,
            kind,
            name: name(),
            started_at: now,
            ended_at: now,
            attributes: Vec::new(),
            error: None,
        };
        Self(Some(Box::new(Open { env: env.clone(), spans: spans.clone(), record })))
    }

    /// Begins a span of what is done for `cx`.
    pub fn of(env: &Env, cx: &Context, kind: SpanKind, name: impl FnOnce() -> Cow<'static, str>) -> Self {
        match cx.span {
            Some(parent) => Self::begin(env, cx.trace, Some(parent), kind, name),
            None => Self::none(),
        }
    }

    /// Its id, if it is recorded.
    pub fn id(&self) -> Option<SpanId> {
        self.0.as_ref().map(|open| open.record.id)
    }

    /// The context of what is done within it.
    pub fn within(&self, cx: &Context) -> Context {
        Context { span: self.id().or(cx.span), ..cx.clone() }
    }

    /// Adds what is known of it; `value` is asked for only if it is recorded.
    pub fn set<V: Into<SpanValue>>(&mut self, key: &'static str, value: impl FnOnce() -> V) {
        if let Some(open) = &mut self.0 {
            open.record.attributes.push((key, value().into()));
        }
    }

    /// Notes that it failed, under a code.
    pub fn fail(&mut self, code: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.record.error = Some(code.into());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let Open { env, spans, mut record } = *open;
            record.ended_at = env.now();
            spans.record(record);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::{ManualClock, SeededRng};

    #[derive(Default)]
    struct Kept(Mutex<Vec<SpanRecord>>);

    impl Spans for Kept {
        fn samples(&self, _: TraceId) -> bool {
            true
        }

        fn record(&self, span: SpanRecord) {
            self.0.lock().expect("not poisoned").push(span);
        }
    }

    #[test]
    fn a_span_is_recorded_when_it_ends_under_what_it_was_done_for() {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_000)));
        let kept = Arc::new(Kept::default());
        let env = Env::new(clock.clone(), Arc::new(SeededRng::new(1))).with_spans(kept.clone());
        let outer = Span::begin(&env, TraceId([7; 16]), None, SpanKind::Server, || "outer".into());
        let cx = outer.within(&Context::system(&env, Duration::from_secs(1)));
        let cx = Context { trace: TraceId([7; 16]), ..cx };
        let mut inner = Span::of(&env, &cx, SpanKind::Client, || "inner".into());
        inner.set("pieces", || 3);
        inner.fail("stock_too_low");
        clock.advance(Duration::from_micros(5));
        drop(inner);
        let kept = kept.0.lock().expect("not poisoned");
        let [span] = &kept[..] else { panic!("one has ended: {kept:?}") };
        assert_eq!((span.trace, span.parent, &*span.name), (TraceId([7; 16]), outer.id(), "inner"));
        assert_eq!((span.started_at.as_micros(), span.ended_at.as_micros()), (1_000, 1_005));
        assert_eq!(span.attributes, [("pieces", SpanValue::Number(3))]);
        assert_eq!(span.error.as_deref(), Some("stock_too_low"));
        drop(kept);
    }

    #[test]
    fn what_is_not_recorded_costs_nothing_and_passes_on_what_others_record() {
        let env = Env::system();
        let cx = Context::system(&env, Duration::from_secs(1));
        let span = Span::of(&env, &cx, SpanKind::Internal, || unreachable!("nobody wants its name"));
        assert_eq!((span.id(), span.within(&cx).span), (None, None));
        let others = Context { span: Some(SpanId([1; 8])), ..cx };
        let span = Span::of(&env, &others, SpanKind::Internal, || unreachable!("nor here"));
        assert_eq!(span.within(&others).span, Some(SpanId([1; 8])));
    }
}
