//! The least program that asks another node something over TLS: a fixed question, a fixed answer, nothing else.

use shoal_net::identity::Tls;
use shoal_net::rpc::{Accept, Connect, Io, Target};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::load::{Ended, Work};

/// How many bytes are asked and answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) question: usize,
    pub(crate) answer: usize,
}

/// Where questions are answered; no longer once dropped.
pub(crate) struct Echo {
    target: Target,
    _answering: JoinSet<()>,
}

impl Echo {
    /// Answers whoever `tls` lets in.
    pub(crate) async fn start(tls: Tls, sizes: Sizes) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let target = Target { node: tls.node(), address: listener.local_addr()? };
        let mut answering = JoinSet::new();
        answering.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(tls.clone(), stream, sizes));
            }
        });
        Ok(Self { target, _answering: answering })
    }
}

/// Answers over one connection until it is closed.
async fn answer(tls: Tls, stream: TcpStream, sizes: Sizes) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut stream, _) = tls.accept(stream).await?;
    let (mut question, answer) = (vec![0; sizes.question], vec![1; sizes.answer]);
    loop {
        stream.read_exact(&mut question).await?;
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}

/// Asks again and again over a connection of its own.
pub(crate) struct Asker {
    stream: Box<dyn Io>,
    question: Vec<u8>,
    answer: Vec<u8>,
}

impl Asker {
    pub(crate) async fn connect(tls: &Tls, echo: &Echo, sizes: Sizes) -> anyhow::Result<Self> {
        let stream = tls.connect(echo.target).await?;
        Ok(Self { stream, question: vec![1; sizes.question], answer: vec![0; sizes.answer] })
    }

    async fn ask(&mut self) -> std::io::Result<()> {
        self.stream.write_all(&self.question).await?;
        self.stream.flush().await?;
        self.stream.read_exact(&mut self.answer).await?;
        Ok(())
    }
}

impl Work for Asker {
    async fn once(&mut self, _: u64) -> Ended {
        if self.ask().await.is_ok() { Ended::Done } else { Ended::Failed }
    }
}
