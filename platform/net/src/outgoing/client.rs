use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use shoal_types::{Env, Timestamp};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::roots::Roots;
use super::{Destination, Failure, Guard, Resolve, SystemResolver};

/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// How long one address may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Largest head of an answer, bytes.
const HEAD_MAX: usize = 64 << 10;
const USER_AGENT_TEXT: HeaderValue = HeaderValue::from_static(concat!("Shoal/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How a client works.
pub struct ClientOptions {
    /// Where requests may go.
    pub guard: Guard,
    /// How long a request may take, from the name's resolution to the end of what is read of the answer.
    pub timeout: Duration,
    /// Bytes read of an answer's body; the rest is not waited for.
    pub body_max: usize,
    /// A file of root certificates (PEM) besides the system's.
    pub roots: Option<PathBuf>,
    /// Who knows the addresses of names.
    pub resolver: Arc<dyn Resolve>,
}

impl Default for ClientOptions {
    /// 15 s a request, 1 KiB of the answer, the system's names and roots.
    fn default() -> Self {
        Self {
            guard: Guard::default(),
            timeout: Duration::from_secs(15),
            body_max: 1 << 10,
            roots: None,
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// A request with a JSON body.
#[derive(Debug, Clone)]
pub struct Post<'r> {
    /// Where it goes.
    pub destination: &'r Destination,
    /// Its headers besides those that every request has: lowercase names, visible ASCII values.
    pub headers: &'r [(&'static str, String)],
    /// Its body.
    pub body: Bytes,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the other end asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The beginning of the body.
    pub body: Bytes,
}

/// Sends requests to addresses that its guard lets pass. Cheap to share, keeps no connection.
pub struct Client {
    options: ClientOptions,
    roots: Roots,
    env: Env,
}

impl Client {
    /// A client that knows the time from `env`.
    pub fn new(mut options: ClientOptions, env: Env) -> Self {
        let roots = Roots::new(options.roots.take());
        Self { options, roots, env }
    }

    /// Where its requests may go.
    pub fn guard(&self) -> &Guard {
        &self.options.guard
    }

    /// Sends a request on a connection of its own and reads the beginning of the answer. A redirect is an answer like
    /// another.
    ///
    /// # Errors
    /// `Failure` if there was no answer. Whether the other end took the request is then unknown, unless the failure says
    /// that there was no connection.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, Failure> {
        timeout(self.options.timeout, self.send(post)).await.unwrap_or(Err(Failure::TimedOut))
    }

    async fn send(&self, post: Post<'_>) -> Result<Answer, Failure> {
        let destination = post.destination;
        if !destination.is_encrypted() && !self.options.guard.allow_http {
            return Err(Failure::NotEncrypted);
        }
        let stream = self.connect(destination).await?;
        let request = request(&post)?;
        if !destination.is_encrypted() {
            return self.exchange(stream, request).await;
        }
        let name = ServerName::try_from(destination.host().trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|_| Failure::Untrusted)?;
        let connector = self.roots.connector().await.ok_or(Failure::Untrusted)?;
        let stream = connector.connect(name, stream).await.map_err(|_| Failure::Untrusted)?;
        self.exchange(stream, request).await
    }

    /// Connects to the first address that takes it, of those that may be connected to.
    async fn connect(&self, destination: &Destination) -> Result<TcpStream, Failure> {
        let mut refused = Failure::Unresolved;
        for address in self.addresses(destination).await?.into_iter().take(ADDRESSES_MAX) {
            // What is judged here is what is connected to: nobody is asked for the address again.
            let socket = SocketAddr::new(address, destination.port());
            if let Err(failure) = self.options.guard.check(address, destination.port()) {
                refused = failure;
                continue;
            }
            match timeout(CONNECT_MAX, TcpStream::connect(socket)).await {
                Ok(Ok(stream)) => {
                    // Only a matter of pace.
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(_)) | Err(_) => refused = Failure::Unreachable,
            }
        }
        Err(refused)
    }

    async fn addresses(&self, destination: &Destination) -> Result<Vec<IpAddr>, Failure> {
        match destination.address() {
            Some(address) => Ok(vec![address]),
            None => {
                let found = self.options.resolver.resolve(destination.host()).await;
                found.map_err(|_| Failure::Unresolved)
            }
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, Failure> {
        let handshake = http1::Builder::new().max_buf_size(HEAD_MAX).handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|_| Failure::Broken)?;
        let answered = async {
            let response = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
            Ok(self.read(response).await)
        };
        tokio::pin!(connection, answered);
        tokio::select! {
            biased;
            answer = &mut answered => answer,
            // The other end may close as soon as it has answered; what it said is still to be read.
            _ = &mut connection => answered.await,
        }
    }

    /// Reads as much of an answer as is kept. A body that breaks off is as good as one that ends.
    async fn read(&self, response: Response<Incoming>) -> Answer {
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| {
            let text = value.to_str().ok()?;
            wait(text, self.env.now())
        });
        let status = response.status().as_u16();
        let (mut incoming, mut body) = (response.into_body(), Vec::new());
        while body.len() < self.options.body_max {
            let Some(Ok(frame)) = incoming.frame().await else { break };
            if let Some(data) = frame.data_ref() {
                let room = self.options.body_max - body.len();
                body.extend_from_slice(&data[..data.len().min(room)]);
            }
        }
        Answer { status, retry_after, body: body.into() }
    }
}

fn request(post: &Post<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let destination = post.destination;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(destination.path_and_query())
        .header(HOST, destination.authority())
        .header(USER_AGENT, USER_AGENT_TEXT)
        .header(CONTENT_TYPE, JSON)
        .header(CONTENT_LENGTH, post.body.len());
    for (name, value) in post.headers {
        request = request.header(HeaderName::from_static(name), value);
    }
    request.body(Full::new(post.body.clone())).map_err(|_| Failure::Broken)
}

/// How long `Retry-After` asks to wait: seconds, or until a date.
///
/// Source: RFC 9110, section 10.2.3.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let at = httpdate::parse_http_date(text.trim()).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_micros(i64::try_from(at.as_micros()).ok()?).since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::parse("1994-11-06T08:49:07Z").expect("a time");
        assert_eq!(wait("120", now), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(Duration::from_secs(30)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:00 GMT", now), Some(Duration::ZERO));
        for text in ["", "-1", "soon", "99999999999"] {
            assert_eq!(wait(text, now), None, "{text}");
        }
    }
}
