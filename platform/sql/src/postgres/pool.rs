use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use shoal_types::{Deadline, Env};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::connect::Connector;
use super::failure::{Failure, Kind, UniqueColumns};
use super::link::Link;
use super::readers::Readers;
use super::server::Target;
use crate::Error;

/// The pause before the next try to connect; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(800);
/// How long a connection to a standby is of use before the primary is looked for again.
const STANDBY_FOR: Duration = Duration::from_secs(1);

/// The connections of one house: some lent to one transaction at a time, some shared by those who read.
pub(super) struct Pool {
    connector: Rc<Connector>,
    unique: Rc<UniqueColumns>,
    env: Env,
    permits: Semaphore,
    idle: RefCell<Vec<Idle>>,
    readers: Rc<Readers>,
    closed: Cell<bool>,
}

struct Idle {
    link: Rc<Link>,
    since: Instant,
}

/// A connection for one transaction. It is of use to the next only if given back.
pub(super) struct Lent<'p> {
    pub(super) link: Rc<Link>,
    pool: &'p Pool,
    since: Instant,
    _permit: tokio::sync::SemaphorePermit<'p>,
}

impl Lent<'_> {
    /// Gives the connection back; nothing is open on it.
    pub(super) fn give_back(self) {
        let old = self.link.is_standby() && self.since.elapsed() > STANDBY_FOR;
        if !old && !self.link.is_closed() && !self.pool.closed.get() {
            self.pool.idle.borrow_mut().push(Idle { link: Rc::clone(&self.link), since: self.since });
        }
    }

    /// Has the server give up what it runs for us, which is no commit, and undo what was begun.
    pub(super) fn give_up(self) {
        self.link.cancel();
        self.link.cut();
    }
}

impl Pool {
    /// A pool of at most `connections` besides the shared ones, with one that is open already.
    pub(super) fn new(
        connector: Connector,
        unique: Rc<UniqueColumns>,
        env: Env,
        connections: usize,
        first: Link,
    ) -> Self {
        let connector = Rc::new(connector);
        let readers = Readers::new(Rc::clone(&connector), Rc::clone(&unique), env.clone());
        let first = Idle { link: Rc::new(first), since: Instant::now() };
        Self {
            connector,
            unique,
            env,
            permits: Semaphore::new(connections),
            idle: RefCell::new(vec![first]),
            readers: Rc::new(readers),
            closed: Cell::new(false),
        }
    }

    /// Lends a connection to the primary. While there is none it looks for it until the deadline.
    ///
    /// # Errors
    /// `DeadlineExceeded` if all stay lent; `Unavailable` if there is no primary in time; what else keeps it out.
    pub(super) async fn lend(&self, deadline: Deadline) -> Result<Lent<'_>, Error> {
        self.lend_to(Target::Primary, deadline).await
    }

    /// Lends a connection for reading. While there is no primary and there are several hosts it may be one to a
    /// standby, whose answers are as old as its replication.
    pub(super) async fn lend_to_read(&self, deadline: Deadline) -> Result<Lent<'_>, Error> {
        self.lend_to(Target::Any, deadline).await
    }

    async fn lend_to(&self, target: Target, deadline: Deadline) -> Result<Lent<'_>, Error> {
        let waited = timeout(deadline.remaining(&self.env), self.permits.acquire()).await;
        let permit = waited.map_err(|_| Error::DeadlineExceeded)?.map_err(|_| Error::Closed)?;
        let idle = match self.take_idle(target) {
            Some(idle) => idle,
            None => {
                let link = Rc::new(self.connect_until(target, deadline).await?);
                Idle { link, since: Instant::now() }
            }
        };
        Ok(Lent { link: idle.link, pool: self, since: idle.since, _permit: permit })
    }

    /// One that leads to a primary, if there is one.
    fn take_idle(&self, target: Target) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|idle| {
            let old = idle.link.is_standby() && idle.since.elapsed() > STANDBY_FOR;
            !old && !idle.link.is_closed()
        });
        let primary = idle.iter().rposition(|idle| !idle.link.is_standby());
        let any = idle.len().checked_sub(1).filter(|_| target == Target::Any);
        primary.or(any).map(|place| idle.remove(place))
    }

    /// The shared connection with the least to do; of a standby under the same condition.
    pub(super) async fn share(&self, deadline: Deadline) -> Result<Rc<Link>, Error> {
        self.readers.get(deadline).await
    }

    /// Shares a connection no longer.
    pub(super) fn retire(&self, link: &Rc<Link>) {
        self.readers.retire(link);
    }

    /// Connects to the primary, trying again until the deadline.
    pub(super) async fn connect(&self, deadline: Deadline) -> Result<Link, Error> {
        self.connect_until(Target::Primary, deadline).await
    }

    async fn connect_until(&self, target: Target, deadline: Deadline) -> Result<Link, Error> {
        let mut pause = PAUSE;
        let mut last = None;
        loop {
            let left = deadline.remaining(&self.env);
            let connecting = self.connector.connect(target, Rc::clone(&self.unique));
            let failure = match timeout(left, connecting).await {
                Ok(Ok(link)) => {
                    self.found(&link);
                    return Ok(link);
                }
                Ok(Err(failure)) => failure,
                Err(_) => last.unwrap_or_else(|| Failure::lost("it did not let us in before the deadline")),
            };
            let left = deadline.remaining(&self.env);
            if failure.kind != Kind::Lost || self.closed.get() || left.is_zero() {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, "the database is looked for again");
            last = Some(failure);
            self.pause(pause.min(left)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Nobody reads from a standby any more once the primary is there.
    fn found(&self, link: &Link) {
        if !link.is_standby() {
            self.readers.primary_found();
            self.idle.borrow_mut().retain(|idle| !idle.link.is_standby());
        }
    }

    /// Waits about `pause`, so that those who wait together do not come back together.
    pub(super) async fn pause(&self, pause: Duration) {
        let half = u32::try_from(pause.as_micros() / 2).unwrap_or(u32::MAX).max(1);
        let jitter = Duration::from_micros(self.env.rng().below(half).into());
        tokio::time::sleep(pause / 2 + jitter).await;
    }

    /// Lends and shares no more, and lets go of what is idle.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.permits.close();
        self.idle.borrow_mut().clear();
        self.readers.close();
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
