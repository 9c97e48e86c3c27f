//! A program outside: an HTTP server that notes what it is sent and answers what a test says.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shoal_types::Secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Its `webhook-id`.
    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// Which of its signatures are made with the secret, as a receiver finds out.
    pub(crate) fn signed_by(&self, secret: &Secret) -> Vec<bool> {
        let key =
            STANDARD.decode(secret.expose().strip_prefix("whsec_").expect("a secret")).expect("base 64");
        let signed = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.body);
        let proves = |signature: &str| {
            let mac = Hmac::<Sha256>::new_from_slice(&key).expect("any key").chain_update(&signed);
            let signature = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
            signature.is_some_and(|signature| mac.verify_slice(&signature).is_ok())
        };
        self.header("webhook-signature").split(' ').map(proves).collect()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The head after `HTTP/1.1 `, and the body.
    Says(&'static str, &'static str),
    /// Nothing, ever.
    Hangs,
}

pub(crate) const OK: Reply = Reply::Says("200 OK", "thanks");

struct State {
    received: Vec<Received>,
    /// Whether answers wait for [`Receiver::let_go_of`].
    holding: bool,
    let_go: HashSet<usize>,
    next: VecDeque<Reply>,
    always: Reply,
}

/// The server. It ends with the test.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    count: watch::Sender<usize>,
}

impl Receiver {
    /// One that answers 200.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = State {
            received: Vec::new(),
            holding: false,
            let_go: HashSet::new(),
            next: VecDeque::new(),
            always: OK,
        };
        let receiver = Self { address, state: Arc::new(Mutex::new(state)), count: watch::Sender::new(0) };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move { serving.serve(stream).await });
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// From now on every request gets this answer.
    pub(crate) fn answer(&self, reply: Reply) {
        self.lock().always = reply;
    }

    /// The next request gets this answer.
    pub(crate) fn answer_once(&self, reply: Reply) {
        self.lock().next.push_back(reply);
    }

    /// From now on no answer goes out before [`Receiver::let_go_of`] says so.
    pub(crate) fn hold(&self) {
        self.lock().holding = true;
    }

    /// Lets the answer to a request go out, counted from 0.
    pub(crate) fn let_go_of(&self, request: usize) {
        self.lock().let_go.insert(request);
        self.count.send_modify(|_| {});
    }

    /// Everything that came in.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// Waits until so many requests have come in.
    pub(crate) async fn has(&self, count: usize) {
        self.count.subscribe().wait_for(|seen| *seen >= count).await.expect("it lives");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    async fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(received) = read(&mut stream).await? else { return Ok(()) };
        let (number, reply) = {
            let mut state = self.lock();
            state.received.push(received);
            let always = state.always.clone();
            (state.received.len() - 1, state.next.pop_front().unwrap_or(always))
        };
        self.count.send_modify(|count| *count += 1);
        let goes = |state: &State| !state.holding || state.let_go.contains(&number);
        // The receiver itself holds the other end.
        let _ = self.count.subscribe().wait_for(|_| goes(&self.lock())).await;
        match reply {
            Reply::Says(head, body) => {
                let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await?;
            }
            Reply::Hangs => std::future::pending().await,
        }
        Ok(())
    }
}

async fn read(stream: &mut TcpStream) -> io::Result<Option<Received>> {
    let mut bytes = Vec::new();
    loop {
        let mut some = [0; 4_096];
        let count = stream.read(&mut some).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&some[..count]);
        if let Some(received) = parse(&bytes) {
            return Ok(Some(received));
        }
    }
}

/// The request, if all of it is there.
fn parse(bytes: &[u8]) -> Option<Received> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    (body.len() >= length).then(|| Received { path, headers, body: body.to_owned() })
}
