use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use shoal_types::{Deadline, Env};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::connect::Connector;
use super::failure::{Failure, Kind, UniqueColumns};
use super::link::Link;
use super::server::Target;
use crate::Error;

/// The pause before the next try to connect; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(800);
/// Connections that readers share.
const SHARED: usize = 2;
/// How long a standby is read from before the primary is looked for again.
const STANDBY_FOR: Duration = Duration::from_secs(1);

/// The connections of one house: some lent to one transaction at a time, some shared by those who read.
pub(super) struct Pool {
    connector: Connector,
    unique: Rc<UniqueColumns>,
    env: Env,
    permits: Semaphore,
    idle: RefCell<Vec<Rc<Link>>>,
    shared: RefCell<Vec<Shared>>,
    closed: Cell<bool>,
}

struct Shared {
    link: Rc<Link>,
    /// When to let go of it: set for standbys.
    until: Option<Instant>,
}

/// A connection for one transaction. It is of use to the next only if given back.
pub(super) struct Lent<'p> {
    pub(super) link: Rc<Link>,
    pool: &'p Pool,
    _permit: tokio::sync::SemaphorePermit<'p>,
}

impl Lent<'_> {
    /// Gives the connection back; nothing is open on it.
    pub(super) fn give_back(self) {
        if !self.link.is_closed() && !self.pool.closed.get() {
            self.pool.idle.borrow_mut().push(Rc::clone(&self.link));
        }
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
        Self {
            connector,
            unique,
            env,
            permits: Semaphore::new(connections),
            idle: RefCell::new(vec![Rc::new(first)]),
            shared: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    /// Lends a connection to the primary. While there is none it looks for it until the deadline.
    ///
    /// # Errors
    /// `DeadlineExceeded` if all stay lent; `Unavailable` if there is no primary in time; what else keeps it out.
    pub(super) async fn lend(&self, deadline: Deadline) -> Result<Lent<'_>, Error> {
        let waited = tokio::time::timeout(deadline.remaining(&self.env), self.permits.acquire()).await;
        let permit = waited.map_err(|_| Error::DeadlineExceeded)?.map_err(|_| Error::Closed)?;
        let mut idle = None;
        while let Some(link) = self.idle.borrow_mut().pop() {
            if !link.is_closed() {
                idle = Some(link);
                break;
            }
        }
        let link = match idle {
            Some(link) => link,
            None => Rc::new(self.connect(deadline).await?),
        };
        Ok(Lent { link, pool: self, _permit: permit })
    }

    /// The shared connection with the least to do. While there is no primary and there are several hosts it may be
    /// one to a standby, whose answers are as old as its replication.
    pub(super) async fn share(&self, deadline: Deadline) -> Result<Rc<Link>, Error> {
        let now = Instant::now();
        self.shared
            .borrow_mut()
            .retain(|shared| !shared.link.is_closed() && shared.until.is_none_or(|until| until > now));
        let mut least =
            self.shared.borrow().iter().map(|shared| Rc::clone(&shared.link)).min_by_key(|link| link.busy());
        if least.as_ref().is_none_or(|link| link.busy() > 0) && self.shared.borrow().len() < SHARED {
            let (link, until) = self.connect_to_read(deadline).await?;
            let link = Rc::new(link);
            self.shared.borrow_mut().push(Shared { link: Rc::clone(&link), until });
            least = Some(link);
        }
        least.ok_or(Error::Closed)
    }

    /// Shares a connection no longer: an answer on it is overdue.
    pub(super) fn retire(&self, link: &Rc<Link>) {
        self.shared.borrow_mut().retain(|shared| !Rc::ptr_eq(&shared.link, link));
    }

    async fn connect_to_read(&self, deadline: Deadline) -> Result<(Link, Option<Instant>), Error> {
        if !self.connector.server().has_several_hosts() {
            return Ok((self.connect(deadline).await?, None));
        }
        match self.connector.connect(Target::Primary, Rc::clone(&self.unique)).await {
            Ok(link) => Ok((link, None)),
            Err(failure) if failure.kind == Kind::Lost => {
                let link = self.connect_until(Target::Any, deadline).await?;
                Ok((link, Some(Instant::now() + STANDBY_FOR)))
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Connects to the primary, trying again until the deadline.
    pub(super) async fn connect(&self, deadline: Deadline) -> Result<Link, Error> {
        self.connect_until(Target::Primary, deadline).await
    }

    async fn connect_until(&self, target: Target, deadline: Deadline) -> Result<Link, Error> {
        let mut pause = PAUSE;
        loop {
            let failure = match self.connector.connect(target, Rc::clone(&self.unique)).await {
                Ok(link) => return Ok(link),
                Err(failure) => failure,
            };
            if failure.kind != Kind::Lost || self.closed.get() || deadline.remaining(&self.env) <= pause {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, "the database is looked for again");
            self.pause(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
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
        self.shared.borrow_mut().clear();
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
