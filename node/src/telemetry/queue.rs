use shoal_types::{SpanRecord, Spans, TraceId};
use tokio::sync::mpsc;

/// Spans that wait to be sent; further ones are lost. About 2 MB.
const WAITING_MAX: usize = 4_096;

/// Where spans wait.
pub(super) struct Queue {
    sender: mpsc::Sender<SpanRecord>,
    /// Traces whose id, as a number of 63 bits, is below are recorded.
    below: u64,
}

impl Queue {
    /// A queue, for this share of the traces that begin here, and its other end.
    pub(super) fn new(ratio: f64) -> (Self, mpsc::Receiver<SpanRecord>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        // As others do who sample by trace id: whoever sees the trace comes to the same answer.
        let below = (ratio * (1_u64 << 63) as f64) as u64;
        (Self { sender, below }, receiver)
    }
}

impl Spans for Queue {
    fn samples(&self, trace: TraceId) -> bool {
        let [_, _, _, _, _, _, _, _, low @ ..] = trace.0;
        u64::from_be_bytes(low) >> 1 < self.below
    }

    fn record(&self, span: SpanRecord) {
        if self.sender.try_send(span).is_err() {
            lost("queue_full", 1);
        }
    }
}

/// Counts spans that nobody will see.
pub(super) fn lost(reason: &'static str, count: u64) {
    metrics::counter!("trace_spans_dropped_total", "reason" => reason).increment(count);
}

/// Counts spans that a collector took.
pub(super) fn sent(count: u64) {
    metrics::counter!("trace_spans_exported_total").increment(count);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shoal_types::{Context, Env, Rng, SeededRng, Span, SpanId, SpanKind};

    use super::*;

    #[test]
    fn a_share_of_the_traces_is_recorded() {
        let rng = SeededRng::new(1);
        let of_a_thousand = |ratio: f64| {
            let queue = Queue::new(ratio).0;
            let fresh = || {
                let mut id = [0; 16];
                rng.fill(&mut id);
                TraceId(id)
            };
            (0..1_000).filter(|_| queue.samples(fresh())).count()
        };
        assert_eq!((of_a_thousand(0.0), of_a_thousand(1.0)), (0, 1_000));
        assert!((200..300).contains(&of_a_thousand(0.25)));
    }

    #[test]
    fn a_full_queue_keeps_nobody_waiting() {
        let (queue, mut waiting) = Queue::new(1.0);
        let env = Env::system().with_spans(std::sync::Arc::new(queue));
        let cx = Context { span: Some(SpanId([1; 8])), ..Context::system(&env, Duration::from_secs(1)) };
        for _ in 0..WAITING_MAX + 10 {
            drop(Span::of(&env, &cx, SpanKind::Internal, || "knot".into()));
        }
        let mut kept = 0;
        while waiting.try_recv().is_ok() {
            kept += 1;
        }
        assert_eq!(kept, WAITING_MAX);
    }
}
