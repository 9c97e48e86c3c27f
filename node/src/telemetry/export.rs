use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::trace::SpanExporter as _;
use shoal_types::{NodeId, SpanRecord, Spans};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::queue::{Queue, lost, sent};
use super::{TelemetryError, otlp};

/// Spans sent at once.
const BATCH_LEN: usize = 512;
/// How long a batch may wait for more.
const BATCH_WITHIN: Duration = Duration::from_millis(500);
/// How long the collector has to take a batch.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
/// How long a node that ends waits for the collector.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Spans on their way to a collector.
pub(super) struct Export {
    queue: Arc<Queue>,
    name: String,
    /// Until it starts.
    ready: Option<(SpanExporter, mpsc::Receiver<SpanRecord>)>,
    /// From then on.
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Export {
    /// To the collector at `endpoint`, this share of traces, from the node of this name.
    pub(super) fn new(endpoint: &str, ratio: f64, name: &str) -> Result<Self, TelemetryError> {
        let client = otlp::client(endpoint, EXPORT_WITHIN)?;
        let (queue, spans) = Queue::new(ratio);
        Ok(Self {
            queue: Arc::new(queue),
            name: name.to_owned(),
            ready: Some((client, spans)),
            running: None,
        })
    }

    pub(super) fn spans(&self) -> Arc<dyn Spans> {
        self.queue.clone()
    }

    pub(super) fn start(&mut self, node: NodeId) {
        let Some((mut client, spans)) = self.ready.take() else { return };
        client.set_resource(&otlp::resource(node, &self.name));
        // From the beginning there is a figure to look at.
        sent(0);
        ["queue_full", "not_taken"].into_iter().for_each(|reason| lost(reason, 0));
        let (stop, stopped) = oneshot::channel();
        self.running = Some((stop, tokio::spawn(send_all(client, spans, stopped))));
    }

    pub(super) async fn stop(self) {
        let Some((stop, sending)) = self.running else { return };
        // It listens until its end.
        let _ = stop.send(());
        let abort = sending.abort_handle();
        if timeout(STOP_WITHIN, sending).await.is_err() {
            abort.abort();
        }
    }
}

/// Sends spans until told to stop, then those that are left.
async fn send_all(
    client: SpanExporter,
    mut spans: mpsc::Receiver<SpanRecord>,
    mut stopped: oneshot::Receiver<()>,
) {
    let (scope, mut failing, mut open) = (otlp::scope(), false, true);
    loop {
        let mut batch = Vec::with_capacity(BATCH_LEN);
        let collected = tokio::select! {
            collected = collect(&mut spans, &mut batch) => collected,
            _ = &mut stopped, if open => {
                // The queue takes nothing more; what it has is sent.
                spans.close();
                open = false;
                true
            }
        };
        let count = batch.len() as u64;
        if count > 0 {
            let batch = batch.into_iter().map(|span| otlp::translate(span, &scope)).collect();
            match client.export(batch).await {
                Ok(()) => {
                    sent(count);
                    failing = false;
                }
                Err(error) => {
                    lost("not_taken", count);
                    // Once until it takes some again.
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(%error, "the collector takes no traces; they are lost meanwhile");
                    }
                }
            }
        }
        if !collected {
            return;
        }
    }
}

/// Fills the batch: with what is there, and what comes within a moment. False once nothing will come any more.
async fn collect(spans: &mut mpsc::Receiver<SpanRecord>, batch: &mut Vec<SpanRecord>) -> bool {
    if spans.recv_many(batch, BATCH_LEN).await == 0 {
        return false;
    }
    let mut late = pin!(sleep(BATCH_WITHIN));
    while batch.len() < BATCH_LEN {
        let room = BATCH_LEN - batch.len();
        tokio::select! {
            came = spans.recv_many(batch, room) => if came == 0 {
                break;
            },
            () = &mut late => break,
        }
    }
    true
}
