use std::sync::Arc;

use crate::{Clock, Id, Noun, Rng, SystemClock, SystemRng, Timestamp};

/// Time and randomness, handed to every house at its construction.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
}

impl Env {
    /// The machine's clock and entropy.
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemRng))
    }

    /// A chosen clock and generator, for tests and simulation.
    pub fn new(clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Self {
        Self { clock, rng }
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
