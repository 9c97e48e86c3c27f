//! The spans of a saga: one for each step, each undo and each attempt of what comes after.

use shoal_contract::checkout::CheckoutId;
use shoal_types::{Context, Fact, Span, SpanKind};

use crate::error::Trouble;
use crate::house::Inner;

/// A part of a saga under way.
pub(crate) struct SagaSpan(Span);

impl Inner {
    /// Begins the span of a part of the saga.
    pub(crate) fn span(&self, cx: &Context, part: &'static str, saga: CheckoutId) -> SagaSpan {
        let mut span = Span::of(&self.env, cx, SpanKind::Internal, || format!("saga/{part}").into());
        span.set("shoal.saga", || saga.to_string());
        SagaSpan(span)
    }
}

impl SagaSpan {
    /// The context of what is done within it.
    pub(crate) fn within(&self, cx: &Context) -> Context {
        self.0.within(cx)
    }

    /// Ends it, with what became of the part.
    pub(crate) fn ended<T>(mut self, done: Result<T, Trouble>) -> Result<T, Trouble> {
        if let Err(Trouble::Refused(error) | Trouble::Unclear(error)) = &done {
            self.0.fail(error.code());
        }
        done
    }
}
