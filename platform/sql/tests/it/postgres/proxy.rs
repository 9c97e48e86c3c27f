//! A wire to the server that can be cut at the worst moment.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use shoal_servers::Postgres;

/// What is done to a commit on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The wire is cut before the server hears of it.
    Before,
    /// The server does it, and the wire is cut before its answer.
    After,
    /// The server does it; its answer is kept back and the wire stays.
    Silence,
}

/// Which message a cut waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// The commit of a transaction that wrote.
    Commit,
    /// The question what became of a commit.
    LookUp,
}

/// A listener of its own before a server. Its threads end with the connections; it accepts until the process ends.
pub(crate) struct Proxy {
    port: u16,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    cuts: Mutex<Vec<(At, Cut)>>,
    done: AtomicUsize,
}

impl Proxy {
    pub(crate) fn before(server: &Postgres) -> Self {
        let server = server.port();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let plan = Arc::new(Plan::default());
        let proxy = Self { port, plan: Arc::clone(&plan) };
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let wire = client.and_then(|client| {
                    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
                    client.set_nodelay(true)?;
                    server.set_nodelay(true)?;
                    Wire::lay(client, server, Arc::clone(&plan))
                });
                // The server may be away: then so is the wire.
                drop(wire);
            }
        });
        proxy
    }

    /// The URL of the server with the proxy in it.
    pub(crate) fn url(&self, server: &Postgres, url: &str) -> String {
        url.replace(&format!(":{}/", server.port()), &format!(":{}/", self.port))
    }

    /// Cuts the next such message, once for each call, in this order.
    pub(crate) fn cut(&self, at: At, how: Cut) {
        self.plan.cuts.lock().expect("no panic").push((at, how));
    }

    /// How many cuts there have been.
    pub(crate) fn done(&self) -> usize {
        self.plan.done.load(Ordering::SeqCst)
    }
}

impl Plan {
    /// How this message is to be cut, if it is next.
    fn next(&self, before: &[u8], message: &[u8]) -> Option<Cut> {
        let at = kind(before, message)?;
        let mut cuts = self.cuts.lock().expect("no panic");
        let (_, how) = *cuts.first().filter(|(next, _)| *next == at)?;
        cuts.remove(0);
        self.done.fetch_add(1, Ordering::SeqCst);
        Some(how)
    }
}

/// What a message of a client is, a `Q`, its length and a text, after another message.
fn kind(before: &[u8], message: &[u8]) -> Option<At> {
    let holds = |message: &[u8], words: &[u8]| message.windows(words.len()).any(|window| window == words);
    if message.strip_prefix(b"Q")?.get(4..)? == b"commit\0" {
        // Who wrote nothing leaves no mark.
        return holds(before, b"into commits").then_some(At::Commit);
    }
    (holds(message, b"into commits") && holds(message, b"on conflict")).then_some(At::LookUp)
}

/// A connection through the proxy.
struct Wire {
    client: TcpStream,
    server: TcpStream,
    plan: Arc<Plan>,
    /// How what the server says is kept back.
    kept_back: Mutex<Option<Cut>>,
}

impl Wire {
    fn lay(client: TcpStream, server: TcpStream, plan: Arc<Plan>) -> io::Result<()> {
        let wire = Arc::new(Self { client, server, plan, kept_back: Mutex::default() });
        let (there, back) = (Arc::clone(&wire), wire);
        std::thread::spawn(move || {
            // An end of the wire went away, or it was cut.
            let _ = there.forward();
            there.end();
        });
        std::thread::spawn(move || {
            let _ = back.answer();
            back.end();
        });
        Ok(())
    }

    fn end(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// From the client to the server, message by message; the first has no letter before its length.
    fn forward(&self) -> io::Result<()> {
        let mut before = self.message(0)?;
        loop {
            (&self.server).write_all(&before)?;
            let message = self.message(1)?;
            match self.plan.next(&before, &message) {
                Some(Cut::Before) => return Ok(()),
                Some(how) => *self.kept_back.lock().expect("no panic") = Some(how),
                None => {}
            }
            before = message;
        }
    }

    fn message(&self, letters: usize) -> io::Result<Vec<u8>> {
        let mut message = vec![0; letters + 4];
        (&self.client).read_exact(&mut message)?;
        let length: [u8; 4] = message[letters..].try_into().map_err(io::Error::other)?;
        let end = letters + u32::from_be_bytes(length) as usize;
        message.resize(end, 0);
        (&self.client).read_exact(&mut message[letters + 4..])?;
        Ok(message)
    }

    /// From the server to the client, as it comes.
    fn answer(&self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        let mut unheard = Vec::new();
        loop {
            let read = (&self.server).read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            let kept_back = *self.kept_back.lock().expect("no panic");
            match kept_back {
                None => (&self.client).write_all(&buffer[..read])?,
                Some(Cut::Silence) => {}
                Some(_) => {
                    unheard.extend_from_slice(&buffer[..read]);
                    if unheard.windows(7).any(|window| window == b"COMMIT\0") {
                        return Ok(());
                    }
                }
            }
        }
    }
}
