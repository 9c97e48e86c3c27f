//! Connections whose bytes are counted, to find out how many a call sends and reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use shoal_net::identity::Tls;
use shoal_net::rpc::{Connect, Io, Target};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::floor::echo::Sizes;

/// Bytes within TLS, both ways.
#[derive(Default)]
pub(super) struct Meter {
    sent: AtomicUsize,
    read: AtomicUsize,
}

impl Meter {
    /// What was sent and read so far.
    pub(super) fn sizes(&self) -> Sizes {
        Sizes { question: self.sent.load(Ordering::Relaxed), answer: self.read.load(Ordering::Relaxed) }
    }
}

/// Connects as `tls` does and counts.
pub(super) struct MeteredTls {
    pub(super) tls: Tls,
    pub(super) meter: Arc<Meter>,
}

#[async_trait]
impl Connect for MeteredTls {
    async fn connect(&self, target: Target) -> io::Result<Box<dyn Io>> {
        let io = self.tls.connect(target).await?;
        Ok(Box::new(Metered { io, meter: Arc::clone(&self.meter) }))
    }
}

struct Metered {
    io: Box<dyn Io>,
    meter: Arc<Meter>,
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        self.meter.read.fetch_add(into.filled().len() - before, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.meter.sent.fetch_add(wrote, Ordering::Relaxed);
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
