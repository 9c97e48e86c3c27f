use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use shoal_types::wire::Dispatch;
use shoal_types::{Context, Fault};

/// Calls of other nodes that are being worked on.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<AtomicU32>);

impl InFlight {
    pub(crate) fn now(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// The same dispatcher, whose calls are counted.
    pub(crate) fn count(&self, calls: Arc<dyn Dispatch>) -> Arc<dyn Dispatch> {
        Arc::new(Counted { calls, in_flight: self.clone() })
    }
}

struct Counted {
    calls: Arc<dyn Dispatch>,
    in_flight: InFlight,
}

/// One call; over when dropped, which a cancelled one is too.
struct One<'f>(&'f InFlight);

impl<'f> One<'f> {
    fn begins(in_flight: &'f InFlight) -> Self {
        in_flight.0.fetch_add(1, Ordering::Relaxed);
        Self(in_flight)
    }
}

impl Drop for One<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl Dispatch for Counted {
    fn service(&self) -> &'static str {
        self.calls.service()
    }

    fn callers(&self, method: &str) -> &'static [&'static str] {
        self.calls.callers(method)
    }

    fn system_callers(&self) -> &'static [&'static str] {
        self.calls.system_callers()
    }

    async fn dispatch(&self, cx: &Context, method: &str, body: bytes::Bytes) -> Result<bytes::Bytes, Fault> {
        let _one = One::begins(&self.in_flight);
        self.calls.dispatch(cx, method, body).await
    }
}
