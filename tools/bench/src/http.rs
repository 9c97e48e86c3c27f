//! A lean HTTP/1.1 client and the servers it measures, each a process of its own.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::ground::Plot;

/// One kept-alive connection.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Its end shows at the next request.
            let _ = connection.await;
        });
        Ok(Self { sender })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, request: http::Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// The connection had closed before the request was sent.
    Unsent,
    /// It broke before the whole answer was there.
    Cut,
}

impl Connection {
    /// As [`Connection::send`], and tells whether a request without an answer was sent.
    pub(crate) async fn try_send(
        &mut self,
        request: http::Request<Full<Bytes>>,
    ) -> Result<(u16, Bytes), Lost> {
        self.sender.ready().await.map_err(|_| Lost::Unsent)?;
        let sent = self.sender.try_send_request(request).await;
        let response =
            sent.map_err(|mut error| if error.take_message().is_some() { Lost::Unsent } else { Lost::Cut })?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|_| Lost::Cut)?;
        Ok((status, body.to_bytes()))
    }
}

/// A `GET`.
pub(crate) fn get(path: &str) -> anyhow::Result<http::Request<Full<Bytes>>> {
    Ok(http::Request::get(path).header("host", "localhost").body(Full::default())?)
}

/// A `POST` of JSON with an idempotency key.
pub(crate) fn post(path: &str, key: &str, body: Bytes) -> anyhow::Result<http::Request<Full<Bytes>>> {
    let request = http::Request::post(path)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .header("idempotency-key", key);
    Ok(request.body(Full::new(body))?)
}

/// A server in a process of its own; ended with this value.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Starts this very program with `arguments` and waits until it says where it serves.
    pub(crate) async fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        Self::run(command).await
    }

    async fn run(mut command: Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("the server to measure cannot be started")?;
        let stderr = child.stderr.take().context("it has a standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, address)) = line.split_once("serves http://") {
                let address = address.trim().parse().context("the server said where it serves")?;
                // What it says from now on is passed over, so that it never waits for a reader.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { child, address });
            }
            eprintln!("{line}");
        }
        bail!("the server to measure ended before it served")
    }

    /// A shop on the data of `plot`.
    pub(crate) async fn shop(plot: &Plot) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--test-provider", "--log", "error"]);
        // Not as a flag: everybody can read those, and it may hold a password.
        command.env("SHOAL_DATA", plot.place()?);
        Self::run(command).await
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Asks it to end and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the measured server cannot be ended")
    }
}
