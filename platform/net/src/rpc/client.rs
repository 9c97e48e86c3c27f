use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shoal_types::wire::Call;
use shoal_types::{Context, Env, Fault, NodeId, Span, SpanKind};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::connection::Outcome;
use super::frame::{Frame, Header};
use super::peer::Net;
use super::pool::{Choice, Pool};
use super::service::Service;
use super::stats::TargetStats;
use super::target::{Peers, Target};
use super::transport::{Connect, Plain};
use crate::address::{self, AddressError};

/// How long calls wait for a node of a service of which none can be called, counted from when that was first noticed.
const PATIENCE: Duration = Duration::from_secs(3);

/// The longest pause before nodes that were all tried are tried again; the first is at most the shortest, each further
/// one at most twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// How often a call may be lost before it is taken to be the cause.
const LOSSES_MAX: u32 = 3;

/// A service that refused for a reason of its own is asked after the others for so long.
const SHUN: Duration = Duration::from_secs(1);

/// A node that has too much to do is asked after the others for at most so long.
const SHUN_OVERLOADED: Duration = Duration::from_millis(100);

/// Calls services on other nodes, whichever a directory names for them, over one connection to each.
///
/// A call goes to the better of two nodes chosen at random, by their latency and the calls in flight. One that was not
/// begun goes to the next node. One that may have begun is repeated only if it is idempotent, on another node if there is
/// one. Repeats are bounded by a budget of a fifth of the calls, and everything by the call's deadline.
///
/// Source: docs/adr/0010-calls-between-nodes.md
pub struct Client {
    pool: Pool,
    patience: Duration,
}

impl Client {
    /// A client over plain TCP for a fixed list of nodes on this machine, each of which answers for every service.
    ///
    /// # Errors
    /// `Invalid` for what is no address, `NotLoopback` for one of another machine.
    pub fn plain(env: Env, addresses: &[impl AsRef<str>]) -> Result<Self, AddressError> {
        let parsed: Result<Vec<SocketAddr>, _> =
            addresses.iter().map(|text| address::parse_loopback(text.as_ref())).collect();
        let target = |address| Target { node: NodeId::new(&env), address };
        let targets: Arc<[Target]> = parsed?.into_iter().map(target).collect();
        Ok(Self::new(env, Arc::new(Plain), Arc::new(targets)))
    }

    /// A client over any transport for the nodes that `peers` names.
    pub fn new(env: Env, connect: Arc<dyn Connect>, peers: Arc<dyn Peers>) -> Self {
        Self { pool: Pool::new(Net::new(env, connect), peers), patience: PATIENCE }
    }

    /// Sets how long calls wait when no node of a service can be called, counted from when that was first noticed; 3 s
    /// unless set. An absence that is shorter fails no call; in a longer one they fail at once.
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Takes in what the directory says now: connections to nodes that have left close as soon as they are idle. Calls do
    /// it by themselves; this is for times without calls.
    pub fn refresh(&self) {
        self.pool.update_all();
    }

    /// What is known of each node of each service called so far, by service and node.
    pub fn stats(&self) -> Vec<TargetStats> {
        self.pool.update_all();
        let mut stats = Vec::new();
        for service in self.pool.services() {
            let choices = service.choices.load();
            stats.extend(choices.candidates.iter().map(|candidate| candidate.stats(service.name)));
        }
        stats.sort_by_key(|stats| (stats.service, stats.node));
        stats
    }
}

#[async_trait]
impl Call for Client {
    async fn call(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
        idempotent: bool,
    ) -> Result<Bytes, Fault> {
        cx.deadline.check(&self.pool.net.env)?;
        let service = self.pool.service(service);
        service.deposit();
        let began = Instant::now();
        let mut attempts = Attempts::new(self, &service, idempotent);
        let remaining = cx.deadline.remaining(&self.pool.net.env);
        let answer = match timeout(remaining, attempts.run(cx, method, body)).await {
            Ok(answer) => answer,
            Err(_) if attempts.may_have_begun => Err(Fault::DeadlineExceeded {}),
            Err(_) => Err(attempts.refusal.unwrap_or_else(|| service.unavailable())),
        };
        service.metrics.record(answer.is_ok(), began.elapsed());
        answer
    }
}

/// One call with its repeats.
struct Attempts<'c> {
    client: &'c Client,
    service: &'c Service,
    idempotent: bool,
    /// The nodes that were asked since the last pause.
    tried: Vec<NodeId>,
    pauses: u32,
    losses: u32,
    /// Why the last node would not begin.
    refusal: Option<Fault>,
    may_have_begun: bool,
}

/// What follows from an attempt.
enum Next {
    Answer(Result<Bytes, Fault>),
    AskAnother,
    /// There is nobody to ask now; whether a connection to somebody new is being made.
    Wait {
        dialling: bool,
    },
}

impl<'c> Attempts<'c> {
    fn new(client: &'c Client, service: &'c Service, idempotent: bool) -> Self {
        Self {
            client,
            service,
            idempotent,
            tried: Vec::new(),
            pauses: 0,
            losses: 0,
            refusal: None,
            may_have_begun: false,
        }
    }

    async fn run(&mut self, cx: &Context, method: &'static str, body: Bytes) -> Result<Bytes, Fault> {
        loop {
            // Heard from before the look at the nodes, so that no news between the two is missed.
            let news = self.client.pool.net.news();
            match self.attempt(cx, method, &body).await {
                Next::Answer(answer) => return answer,
                Next::AskAnother => {}
                Next::Wait { dialling } => self.pause(news, dialling).await?,
            }
        }
    }

    /// Asks one node.
    async fn attempt(&mut self, cx: &Context, method: &'static str, body: &Bytes) -> Next {
        let net = &self.client.pool.net;
        let choices = self.service.choices.load_full();
        let (candidate, connection) = match choices.choose(net, &self.tried, self.idempotent) {
            Choice::Node(candidate, connection) => (candidate, connection),
            Choice::Nobody { dialling } => return Next::Wait { dialling },
        };
        // The time left is told as late as possible: waiting for a node may have used some.
        let mut span = self.span(cx, method, candidate.peer.target);
        let header = Header::encode(&net.env, cx, span.id().or(cx.span), self.service.name, method);
        if !Frame::fits(&header, body) {
            let fault = Fault::invalid("$", "too_large", "the call is larger than 16 MiB");
            return Next::Answer(Err(fault));
        }
        self.tried.push(candidate.peer.target.node);
        let in_flight = candidate.begin(net, &connection);
        let may_have_begun = std::mem::replace(&mut self.may_have_begun, true);
        let outcome = connection.call(header, body.clone()).await;
        if let Some(code) = outcome.code() {
            span.fail(code);
        }
        drop(span);
        if !matches!(outcome, Outcome::Lost) {
            self.may_have_begun = may_have_begun;
        }
        match outcome {
            Outcome::Answered(answer) => {
                in_flight.answered();
                self.service.is_back();
                Next::Answer(answer)
            }
            Outcome::NotSent => {
                in_flight.not_sent();
                Next::AskAnother
            }
            Outcome::Refused(fault) => {
                in_flight.refused();
                match fault {
                    Fault::Overloaded {} => candidate.shun(net.jitter(SHUN_OVERLOADED)),
                    Fault::Unavailable { .. } => candidate.shun(SHUN),
                    _ => {}
                }
                self.refused(fault)
            }
            Outcome::Lost => {
                in_flight.lost();
                self.lost()
            }
        }
    }

    /// The span of asking one node.
    fn span(&self, cx: &Context, method: &'static str, target: Target) -> Span {
        let (service, env) = (self.service.name, &self.client.pool.net.env);
        let mut span = Span::of(env, cx, SpanKind::Client, || format!("{service}/{method}").into());
        span.set("rpc.system", || "shoal");
        span.set("rpc.service", || service);
        span.set("rpc.method", || method);
        span.set("shoal.peer.node", || target.node.to_string());
        span.set("server.address", || target.address.ip().to_string());
        span.set("server.port", || i64::from(target.address.port()));
        span
    }

    fn refused(&mut self, fault: Fault) -> Next {
        let free = match fault {
            // A node that is going away sends everybody on; that must not use up the budget.
            Fault::Unavailable { .. } => self.pauses == 0,
            Fault::Overloaded {} => false,
            // Of an earlier version, which has no such method: one of ours may be asked.
            Fault::Invalid { .. } => true,
            // Every node would say the same.
            _ => return Next::Answer(Err(fault)),
        };
        if !free && !self.service.withdraw() {
            return Next::Answer(Err(fault));
        }
        self.refusal = Some(fault);
        Next::AskAnother
    }

    fn lost(&mut self) -> Next {
        self.losses += 1;
        if self.idempotent && self.losses < LOSSES_MAX && self.service.withdraw() {
            Next::AskAnother
        } else {
            Next::Answer(Err(self.service.unavailable()))
        }
    }

    /// Waits until a connection may have come about, or a little, if there is no node left to ask.
    ///
    /// # Errors
    /// The reason why no node can be asked, if it is not worth waiting.
    async fn pause(&mut self, mut news: watch::Receiver<()>, dialling: bool) -> Result<(), Fault> {
        let fault = self.refusal.clone().unwrap_or_else(|| self.service.unavailable());
        match fault {
            Fault::Unavailable { .. } => self.tried.clear(),
            // Somebody new may know what the others do not; they will not learn it.
            Fault::Invalid { .. } if dialling => {}
            _ => return Err(fault),
        }
        let until = self.service.is_away(self.client.patience);
        let Some(_place) = self.service.wait() else { return Err(fault) };
        if Instant::now() >= until {
            return Err(fault);
        }
        // Full jitter, lest all that wait come back at once.
        let longest = PAUSE_MIN.saturating_mul(1 << self.pauses.min(16)).min(PAUSE_MAX);
        self.pauses += 1;
        tokio::select! {
            _ = news.changed() => {}
            () = sleep(self.client.pool.net.jitter(longest)) => {}
        }
        self.client.pool.service(self.service.name);
        Ok(())
    }
}
