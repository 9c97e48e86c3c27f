use std::sync::Arc;

use crate::{Clock, Id, Noun, Rng, Spans, SystemClock, SystemRng, Timestamp};

/// Time, randomness and what takes spans, handed to every house at its construction.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    spans: Option<Arc<dyn Spans>>,
}

impl Env {
    /// The machine's clock and entropy.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRng))
    }

    /// A chosen clock and generator, for tests and simulation.
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { clock, rng, spans: None }
    }

    /// The same, with somebody who takes spans.
    pub fn with_spans(self, spans: Arc<dyn Spans>) -> Self {
        Self { spans: Some(spans), ..self }
    }

    /// Who takes spans, if anybody does.
    pub fn spans(&self) -> Option<&Arc<dyn Spans>> {
        self.spans.as_ref()
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The source of randomness.
    pub fn rng(&self) -> &dyn Rng {
        &*self.rng
    }

    /// A new id, ordered by the present time.
    pub fn id<T: Noun>(&self) -> Id<T> {
        self.rng.id(self.now())
    }
}
