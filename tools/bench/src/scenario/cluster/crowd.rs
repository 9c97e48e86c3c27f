//! Those who buy, and the balancer between them and the nodes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use shoal_types::{Rng as _, SystemRng};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::timeline::{Outcome, Sample, Timeline};
use crate::http::{Connection, Lost, post};

/// Requests under way at once; beyond, they count as failed.
const UNDER_WAY_MAX: usize = 8_192;
/// How long the balancer passes over a node at which nobody listens.
const AWAY: Duration = Duration::from_millis(500);
/// The pause before a client repeats what failed, and when it gives up.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
const AGAIN_FOR: Duration = Duration::from_secs(15);

/// Clients of a balancer that keeps connections to each node, takes the nodes in turn, and the next one when nobody listens
/// at one. It repeats what it could not send, and nothing that it sent.
pub(super) struct Crowd {
    doors: Vec<Door>,
    turn: AtomicUsize,
    purchases: Vec<Bytes>,
    /// Makes the idempotency keys of this crowd its own.
    run: u64,
    /// The number of the next checkout: each has a key of its own, in whichever load.
    next: AtomicU32,
    /// How long a client waits for an answer.
    patience: Duration,
    /// Whether a client repeats what failed, under the same key.
    persistent: bool,
    /// How often which error was answered, by its code.
    errors: Mutex<BTreeMap<String, u64>>,
}

/// One node as the balancer sees it.
struct Door {
    address: SocketAddr,
    idle: Mutex<Vec<Connection>>,
    away_until: Mutex<Option<Instant>>,
}

/// For how long requests are sent.
#[derive(Clone)]
pub(super) struct Until {
    at: Instant,
    stop: Arc<AtomicBool>,
}

impl Until {
    /// For so long, unless told to stop before.
    pub(super) fn after(time: Duration) -> Self {
        Self { at: Instant::now() + time, stop: Arc::default() }
    }

    /// No further requests.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || Instant::now() >= self.at
    }
}

impl Crowd {
    pub(super) fn new(doors: Vec<SocketAddr>, purchases: &[Bytes], patience: Duration) -> Self {
        let door = |address| Door { address, idle: Mutex::default(), away_until: Mutex::default() };
        let mut random = [0_u8; 8];
        SystemRng.fill(&mut random);
        Self {
            doors: doors.into_iter().map(door).collect(),
            turn: AtomicUsize::new(0),
            purchases: purchases.to_vec(),
            run: u64::from_le_bytes(random),
            next: AtomicU32::new(0),
            patience,
            persistent: false,
            errors: Mutex::default(),
        }
    }

    /// The same with clients that repeat what failed.
    pub(super) fn persistent(self) -> Self {
        Self { persistent: true, ..self }
    }

    /// Sends `rate` checkouts a second whatever the answers take; each counts from when it was due.
    ///
    /// # Errors
    /// If a client panics.
    pub(super) async fn open(self: &Arc<Self>, rate: f64, until: Until) -> anyhow::Result<Timeline> {
        let (begin, mut clients) = (Instant::now(), JoinSet::new());
        let mut timeline = Timeline::new(begin);
        for number in 0_u32.. {
            let due = begin + Duration::from_secs_f64(f64::from(number) / rate);
            tokio::time::sleep_until(due).await;
            if until.is_over() {
                break;
            }
            if clients.len() >= UNDER_WAY_MAX {
                timeline.add(Sample { due, took: self.patience, outcome: Outcome::Late, mended: None });
                continue;
            }
            let crowd = self.clone();
            clients.spawn(async move { crowd.buy(crowd.number(), due).await });
            while let Some(sample) = clients.try_join_next() {
                timeline.add(sample?);
            }
        }
        while let Some(sample) = clients.join_next().await {
            timeline.add(sample?);
        }
        Ok(timeline)
    }

    /// So many clients, each of which sends its next checkout after the answer to the last.
    ///
    /// # Errors
    /// If a client panics.
    pub(super) async fn closed(self: &Arc<Self>, count: u32, until: Until) -> anyhow::Result<Timeline> {
        let (begin, mut clients) = (Instant::now(), JoinSet::new());
        for _ in 0..count {
            let (crowd, until) = (self.clone(), until.clone());
            clients.spawn(async move {
                let mut samples = Vec::new();
                while !until.is_over() {
                    samples.push(crowd.buy(crowd.number(), Instant::now()).await);
                }
                samples
            });
        }
        let mut timeline = Timeline::new(begin);
        while let Some(samples) = clients.join_next().await {
            samples?.into_iter().for_each(|sample| timeline.add(sample));
        }
        Ok(timeline)
    }

    /// One checkout: what came of it at first, and in the end.
    async fn buy(&self, number: u32, due: Instant) -> Sample {
        let outcome = self.once(number).await;
        let took = due.elapsed();
        let mended = match outcome {
            Outcome::Done => None,
            _ if self.persistent => Some(self.again(number).await),
            _ => None,
        };
        Sample { due, took, outcome, mended }
    }

    async fn again(&self, number: u32) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < AGAIN_FOR {
            tokio::time::sleep(AGAIN_AFTER).await;
            if self.once(number).await == Outcome::Done {
                return true;
            }
        }
        false
    }

    async fn once(&self, number: u32) -> Outcome {
        tokio::time::timeout(self.patience, self.balance(number)).await.unwrap_or(Outcome::Late)
    }

    /// Sends it to the next node that listens.
    async fn balance(&self, number: u32) -> Outcome {
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let doors = (0..self.doors.len()).map(|step| &self.doors[(first + step) % self.doors.len()]);
        let (near, away): (Vec<&Door>, Vec<&Door>) = doors.partition(|door| door.is_near());
        for door in near.into_iter().chain(away) {
            match door.send(&format!("{:x}-{number}", self.run), self.purchase(number)).await {
                Ok((status, body)) => {
                    let outcome = Outcome::of(status);
                    if outcome != Outcome::Done {
                        self.note(status, &body);
                    }
                    return outcome;
                }
                Err(Lost::Cut) => return Outcome::Cut,
                Err(Lost::Unsent) => door.pass_over(),
            }
        }
        Outcome::Nobody
    }

    fn note(&self, status: u16, body: &[u8]) {
        let problem: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let code = problem["code"].as_str().unwrap_or("without a code");
        *lock(&self.errors).entry(format!("{status} {code}")).or_default() += 1;
    }

    /// The errors that were answered so far, repeats included, with how often; empty if there were none.
    pub(super) fn errors(&self) -> String {
        let errors = lock(&self.errors);
        errors.iter().map(|(error, times)| format!("{times} times {error}")).collect::<Vec<_>>().join(", ")
    }

    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn purchase(&self, number: u32) -> &Bytes {
        &self.purchases[number as usize % self.purchases.len()]
    }
}

impl Door {
    /// Sends it over a connection that is kept, or over a new one.
    ///
    /// # Errors
    /// `Unsent` if nobody listens.
    async fn send(&self, key: &str, body: &Bytes) -> Result<(u16, Bytes), Lost> {
        loop {
            let kept = lock(&self.idle).pop();
            let fresh = kept.is_none();
            let mut connection = match kept {
                Some(connection) => connection,
                None => Connection::open(self.address).await.map_err(|_| Lost::Unsent)?,
            };
            let request = post("/v1/checkouts", key, body.clone()).map_err(|_| Lost::Cut)?;
            match connection.try_send(request).await {
                Ok(answer) => {
                    lock(&self.idle).push(connection);
                    return Ok(answer);
                }
                // It was closed while nobody used it.
                Err(Lost::Unsent) if !fresh => {}
                Err(lost) => return Err(lost),
            }
        }
    }

    fn is_near(&self) -> bool {
        lock(&self.away_until).is_none_or(|until| until < Instant::now())
    }

    fn pass_over(&self) {
        *lock(&self.away_until) = Some(Instant::now() + AWAY);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
