use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::frame::{Frame, PREFACE};
use super::target::Target;
use super::transport::{Connect, Io};
use crate::identity::explain;

/// Calls waiting for an answer on one connection; further ones are refused.
pub(super) const IN_FLIGHT_MAX: usize = 1_024;

/// Frames that wait to be written before whoever sends the next one has to wait, too. All calls and the cancels of
/// all of them find room.
pub(super) const QUEUE_LEN: usize = 2 * IN_FLIGHT_MAX;

/// A peer that has not said who it is by then is no node.
const GREETING_TIMEOUT: Duration = Duration::from_secs(5);

/// A peer that does not take what is written to it for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Frames written at once.
const BATCH_LEN: usize = 64;

/// Buffers that grew beyond this are given back once they are empty.
const BUFFER_LEN: usize = 64 << 10;

/// Tells the peer that a node speaks and hears the same from it.
pub(super) async fn greet(io: &mut impl Io) -> io::Result<()> {
    let greeting = async {
        let wrote = async {
            io.write_all(&PREFACE).await?;
            io.flush().await
        };
        let wrote = wrote.await;
        // A peer that refuses us closes, after it has said why: what it said comes before that we cannot write.
        let mut preface = [0; PREFACE.len()];
        io.read_exact(&mut preface).await.map_err(explain)?;
        wrote?;
        if preface == PREFACE { Ok(()) } else { Err(io::Error::other("the peer is no node of this version")) }
    };
    timeout(GREETING_TIMEOUT, greeting).await?
}

/// Finds out whether `target` is there and would take our calls.
///
/// # Errors
/// Why not: [`HandshakeError::of`](crate::identity::HandshakeError::of) tells if it is a matter of who the two are.
pub async fn reach(connect: &dyn Connect, target: Target) -> io::Result<()> {
    greet(&mut connect.connect(target).await?).await
}

/// Writes frames, as many at once as are waiting, until the queue's senders are gone or the stream breaks.
pub(super) async fn write_frames<W: AsyncWrite>(mut stream: WriteHalf<W>, mut queue: mpsc::Receiver<Frame>) {
    let mut frames = Vec::with_capacity(BATCH_LEN);
    let mut bytes = BytesMut::with_capacity(BUFFER_LEN);
    while queue.recv_many(&mut frames, BATCH_LEN).await > 0 {
        frames.drain(..).for_each(|frame| frame.encode(&mut bytes));
        let written = async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        };
        if !matches!(timeout(WRITE_TIMEOUT, written).await, Ok(Ok(()))) {
            return;
        }
        bytes.clear();
        if bytes.capacity() > BUFFER_LEN {
            bytes = BytesMut::with_capacity(BUFFER_LEN);
        }
    }
    // The peer may have closed first: then there is nobody to tell.
    let _ = stream.shutdown().await;
}

/// Reads frames.
pub(super) struct FrameReader<R> {
    stream: ReadHalf<R>,
    bytes: BytesMut,
}

impl<R: AsyncRead> FrameReader<R> {
    pub(super) fn new(stream: ReadHalf<R>) -> Self {
        Self { stream, bytes: BytesMut::new() }
    }

    /// The next frame; `None` if the peer closed between frames. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.bytes).map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            self.bytes.reserve(BUFFER_LEN / 4);
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                let whole = self.bytes.is_empty();
                return if whole { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        }
    }
}
