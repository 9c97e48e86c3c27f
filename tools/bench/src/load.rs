//! Load, closed and open, bounded in time and number.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Requests of an open loop that may be under way at once; beyond, the system is overloaded and they count as failed.
const OPEN_MAX: usize = 4_096;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As wanted.
    Done,
    /// With a clear no: sold out.
    Refused,
    /// Otherwise.
    Failed,
}

/// Something to do over and over. One value for each client.
pub(crate) trait Work: Send + 'static {
    /// Does it once; `number` is unique in the run.
    fn once(&mut self, number: u64) -> impl Future<Output = Ended> + Send;
}

/// What a load showed.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) done: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    time: Duration,
    latency_us: Histogram<u64>,
}

impl Measured {
    fn new() -> anyhow::Result<Self> {
        // From 1 microsecond to one minute, three significant digits.
        let latency_us = Histogram::new_with_bounds(1, 60_000_000, 3)?;
        Ok(Self { done: 0, refused: 0, failed: 0, time: Duration::ZERO, latency_us })
    }

    fn note(&mut self, ended: Ended, took: Duration) {
        match ended {
            Ended::Done => self.done += 1,
            Ended::Refused => self.refused += 1,
            Ended::Failed => self.failed += 1,
        }
        self.latency_us.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    fn merge(&mut self, other: &Self) -> anyhow::Result<()> {
        self.done += other.done;
        self.refused += other.refused;
        self.failed += other.failed;
        self.latency_us.add(&other.latency_us)?;
        Ok(())
    }

    /// Requests a second that ended as wanted.
    pub(crate) fn rate(&self) -> f64 {
        self.done as f64 / self.time.as_secs_f64()
    }

    /// The latency below which `quantile` of the requests stayed, milliseconds.
    pub(crate) fn latency_ms(&self, quantile: f64) -> f64 {
        self.latency_us(quantile) / 1_000.0
    }

    /// The same in microseconds.
    pub(crate) fn latency_us(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64
    }
}

/// Each client does its work again as soon as it is done, until the time is over.
///
/// # Errors
/// If a client panics.
pub(crate) async fn closed<W: Work>(clients: Vec<W>, time: Duration) -> anyhow::Result<Measured> {
    let (begin, numbers) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for mut client in clients {
        let numbers = Arc::clone(&numbers);
        tasks.spawn(async move {
            let mut own = Measured::new()?;
            while begin.elapsed() < time {
                let sent = Instant::now();
                let ended = client.once(numbers.fetch_add(1, Ordering::Relaxed)).await;
                own.note(ended, sent.elapsed());
            }
            anyhow::Ok(own)
        });
    }
    let mut all = Measured::new()?;
    while let Some(own) = tasks.join_next().await {
        all.merge(&own??)?;
    }
    all.time = begin.elapsed();
    Ok(all)
}

/// Sends `rate` requests a second whatever the answers take, and counts a request's time from when it was due: a
/// system that falls behind cannot hide it.
///
/// # Errors
/// If a request panics.
pub(crate) async fn open<W: Work>(clients: Vec<W>, rate: u64, time: Duration) -> anyhow::Result<Measured> {
    let (idle_in, idle_out) = (Arc::new(std::sync::Mutex::new(clients)), Arc::new(Semaphore::new(0)));
    idle_out.add_permits(idle_in.lock().map_or(0, |clients| clients.len()));
    let begin = tokio::time::Instant::now();
    let due = |number: u64| begin + Duration::from_nanos(number * 1_000_000_000 / rate.max(1));
    let mut tasks = JoinSet::new();
    let mut all = Measured::new()?;
    for number in 0.. {
        let at = due(number);
        if at - begin >= time {
            break;
        }
        tokio::time::sleep_until(at).await;
        if tasks.len() >= OPEN_MAX {
            all.failed += 1;
            continue;
        }
        let (clients, places) = (Arc::clone(&idle_in), Arc::clone(&idle_out));
        tasks.spawn(async move {
            let Ok(place) = places.acquire().await else { return (Ended::Failed, at.elapsed()) };
            place.forget();
            let client = clients.lock().ok().and_then(|mut idle| idle.pop());
            let Some(mut client) = client else { return (Ended::Failed, at.elapsed()) };
            let ended = client.once(number).await;
            let took = at.elapsed();
            if let Ok(mut idle) = clients.lock() {
                idle.push(client);
            }
            places.add_permits(1);
            (ended, took)
        });
        while let Some(ended) = tasks.try_join_next() {
            let (ended, took) = ended?;
            all.note(ended, took);
        }
    }
    while let Some(ended) = tasks.join_next().await {
        let (ended, took) = ended?;
        all.note(ended, took);
    }
    all.time = begin.elapsed();
    Ok(all)
}
