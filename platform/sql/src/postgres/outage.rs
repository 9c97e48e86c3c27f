//! Whether no server of the database answers, so that nobody need wait for one.
//!
//! A server that is restarted, or a primary that is replaced, is waited for: one of the machines of the URL answers all
//! the while. A node that is cut off from all of them would keep everybody waiting until his deadline, and has nothing
//! to wait for. So as soon as an answer is overdue all hosts are asked for a sign of life, no more than a connection of
//! the transport; if none gives one, all houses of this process refuse at once, until one does.

use std::cell::Cell;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use shoal_types::Env;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::host::candidates;
use super::server::Server;
use crate::Error;

/// How long a host may take to give a sign of life: a packet may be lost once.
const SIGN_MAX: Duration = Duration::from_millis(1_500);
/// How long at least nothing comes back: without a route that is told at once, and may pass.
const SILENT_MIN: Duration = Duration::from_secs(1);
/// For how long all hosts may say that nobody listens before nobody waits any more: a restart takes less.
const REFUSED_MAX: Duration = Duration::from_secs(15);
/// The pause between two looks.
const AGAIN: Duration = Duration::from_millis(250);

/// For all houses of this process: how many of them found that no server answers.
#[derive(Clone, Default)]
pub(crate) struct Outage(Arc<watch::Sender<usize>>);

impl Outage {
    /// Whether there is one.
    pub(super) fn is_on(&self) -> bool {
        *self.0.borrow() > 0
    }

    /// Sees how many have found one: 0 when there is none.
    pub(crate) fn watch(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }

    /// Resolves as soon as there is one.
    pub(super) async fn begun(&self) -> Error {
        // The sender is here.
        let _ = self.watch().wait_for(|found| *found > 0).await;
        Error::Unavailable { detail: "none of its servers answers".to_owned() }
    }

    /// What `work` gives, or that there is an outage, whichever is first.
    pub(super) async fn or<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => done,
            error = self.begun() => Err(error),
        }
    }
}

/// An outage that one house has found; over when dropped.
struct Found(Outage);

impl Found {
    fn new(outage: &Outage) -> Self {
        outage.0.send_modify(|found| *found += 1);
        Self(outage.clone())
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        self.0.0.send_modify(|found| *found -= 1);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    /// Nothing comes back.
    None,
    /// The machine is there, and nobody listens.
    Refused,
    There,
}

/// Asks until a server answers, here or to `has_answered`; meanwhile there is an outage as soon as that is certain.
pub(super) async fn look(server: &Server, application: &str, env: &Env, has_answered: impl Fn() -> bool) {
    let (began, mut found) = (env.now(), None);
    loop {
        let sign = sign(&server.config(application)).await;
        if sign == Sign::There || has_answered() {
            break;
        }
        let patience = if sign == Sign::Refused { REFUSED_MAX } else { SILENT_MIN };
        if env.now().since(began) >= patience && found.is_none() {
            tracing::warn!(database = %application, "no server of the database answers; nobody is kept waiting");
            found = Some(Found::new(server.outage()));
        }
        sleep(AGAIN).await;
    }
    if found.is_some() {
        tracing::warn!(database = %application, "a server of the database answers again");
    }
}

/// The best sign of life that any host gives in time.
async fn sign(config: &Config) -> Sign {
    let best = Cell::new(Sign::None);
    let signs = async {
        let (found, _) = candidates(config).await;
        let mut signs: FuturesUnordered<_> =
            found.iter().map(|candidate| sign_of(&candidate.config)).collect();
        while let Some(sign) = signs.next().await {
            best.set(best.get().max(sign));
            if sign == Sign::There {
                break;
            }
        }
    };
    // What has come by then counts.
    let _ = timeout(SIGN_MAX, signs).await;
    best.get()
}

/// Of one host.
async fn sign_of(config: &Config) -> Sign {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let connected = match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        (Some(Host::Unix(path)), _) => {
            UnixStream::connect(path.join(format!(".s.PGSQL.{port}"))).await.map(drop)
        }
        (_, Some(address)) => TcpStream::connect((*address, port)).await.map(drop),
        _ => return Sign::None,
    };
    match connected.map_err(|error| error.kind()) {
        Ok(()) => Sign::There,
        Err(ErrorKind::ConnectionRefused | ErrorKind::NotFound) => Sign::Refused,
        Err(_) => Sign::None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    async fn sign_at(port: u16) -> Sign {
        let server = Server::parse(&format!("postgres://ann@127.0.0.1:{port}/shop")).expect("a URL");
        sign(&server.config("test")).await
    }

    #[tokio::test]
    async fn a_machine_that_refuses_is_told_from_one_that_listens() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        assert_eq!(sign_at(port).await, Sign::There);
        drop(listener);
        assert_eq!(sign_at(port).await, Sign::Refused);
    }

    #[tokio::test]
    async fn an_outage_lasts_until_all_who_found_it_see_its_end() {
        let outage = Outage::default();
        assert_eq!(outage.or(async { Ok(1) }).await, Ok(1));
        let (one, other) = (Found::new(&outage), Found::new(&outage));
        drop(one);
        assert!(outage.is_on());
        let waits = outage.or(std::future::pending::<Result<(), _>>()).await;
        assert!(matches!(waits, Err(Error::Unavailable { .. })), "{waits:?}");
        drop(other);
        assert!(!outage.is_on());
    }
}
