use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::host::Host;

/// Every kind of frame (`ETH_P_ALL` of packet(7)), in network order as the socket wants it.
const ALL_FRAMES: i32 = (0x0003_u16.to_be()) as i32;
/// How often it looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The most that is kept; what comes after it is not.
const KEPT_MAX: usize = 256 << 20;
const FRAME_MAX: usize = 1 << 16;

/// Everything that goes in and out of a host, as it is on the wire.
pub struct Capture {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<Vec<u8>>>,
}

impl Capture {
    pub(super) fn on(host: &Host) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let socket = socket(host)?;
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || listen(&socket, &told));
        Ok(Self { stop, thread })
    }

    /// Ends it and gives the frames, one after the other, 256 MiB of them at most.
    ///
    /// # Errors
    /// What the system says.
    pub fn stop(self) -> io::Result<Vec<u8>> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| io::Error::other("the listener panicked"))?
    }
}

/// A socket on the host; the caller stays where it is.
fn socket(host: &Host) -> io::Result<Socket> {
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| {
            host.enter()?;
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(Protocol::from(ALL_FRAMES)))?;
            socket.set_read_timeout(Some(LOOK_EVERY))?;
            io::Result::Ok(socket)
        });
        opened.join().map_err(|_| io::Error::other("the opener panicked"))?
    })
}

fn listen(mut socket: &Socket, stop: &AtomicBool) -> io::Result<Vec<u8>> {
    let (mut kept, mut frame) = (Vec::new(), vec![0; FRAME_MAX]);
    loop {
        match socket.read(&mut frame) {
            Ok(length) if kept.len() + length <= KEPT_MAX => kept.extend_from_slice(&frame[..length]),
            Ok(_) => {}
            // Nothing came for a while: all that was sent before the stop has been read.
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                if stop.load(Ordering::Relaxed) {
                    return Ok(kept);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
