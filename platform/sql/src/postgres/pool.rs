use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use futures::future::join_all;
use shoal_types::{Deadline, Env};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connect::Connector;
use super::failure::{Failure, Kind, UniqueColumns};
use super::link::Link;
use super::outage::Outage;
use super::readers::{Readers, STANDBY_FOR};
use super::rest::Rest;
use super::seen::Seen;
use super::server::Target;
use crate::Error;

/// The pause before the next try to connect; doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(800);

/// The connections of one house: some lent to one transaction at a time, some shared by those who read.
pub(super) struct Pool {
    connector: Rc<Connector>,
    unique: Rc<UniqueColumns>,
    env: Env,
    permits: Semaphore,
    idle: RefCell<Vec<Rc<Link>>>,
    /// While it is on, connections to a standby are of use.
    standby: Rest,
    readers: Rc<Readers>,
    cancelling: RefCell<Vec<JoinHandle<()>>>,
    /// Why the last look for a primary found none, until one is found.
    trouble: RefCell<Option<Error>>,
    closed: Cell<bool>,
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
        if !self.link.is_standby() {
            self.pool.trouble.borrow_mut().take();
        }
        if self.pool.is_of_use(&self.link) && !self.pool.closed.get() {
            self.pool.idle.borrow_mut().push(Rc::clone(&self.link));
        }
    }

    /// Has the server give up what it runs for us, which is no commit, and undo what was begun.
    pub(super) fn give_up(self) {
        self.pool.cancel(&self.link);
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
        Self {
            connector,
            unique,
            env,
            permits: Semaphore::new(connections),
            idle: RefCell::new(vec![Rc::new(first)]),
            standby: Rest::default(),
            readers: Rc::new(readers),
            cancelling: RefCell::default(),
            trouble: RefCell::default(),
            closed: Cell::new(false),
        }
    }

    /// Lends a connection to the primary. While there is none it looks for it until the deadline.
    ///
    /// # Errors
    /// `DeadlineExceeded` if all stay lent to who uses them; `Unavailable` if there is no primary in time, or at once if no
    /// server answers at all; what else keeps it out.
    pub(super) async fn lend(&self, deadline: Deadline) -> Result<Lent<'_>, Error> {
        self.lend_to(Target::Primary, deadline).await
    }

    /// Lends a connection for reading. While there is no primary and there are several hosts it may be one to a
    /// standby, whose answers are as old as its replication.
    pub(super) async fn lend_to_read(&self, deadline: Deadline) -> Result<Lent<'_>, Error> {
        self.lend_to(Target::Any, deadline).await
    }

    async fn lend_to(&self, target: Target, deadline: Deadline) -> Result<Lent<'_>, Error> {
        let outage = self.outage();
        if outage.is_on() {
            // Idle connections lead nowhere.
            return Err(outage.begun().await);
        }
        let acquired = async {
            let waited = timeout(deadline.remaining(&self.env), self.permits.acquire()).await;
            waited.map_err(|_| self.late())?.map_err(|_| Error::Closed)
        };
        let permit = outage.or(acquired).await?;
        let link = match self.take_idle(target) {
            Some(link) => link,
            None => Rc::new(outage.or(self.connect_until(target, deadline)).await?),
        };
        Ok(Lent { link, pool: self, _permit: permit })
    }

    /// What to say to who has waited in vain: why there is no server, or else that the time is up.
    pub(super) fn late(&self) -> Error {
        self.trouble.borrow().clone().unwrap_or(Error::DeadlineExceeded)
    }

    /// One that leads to a primary, if there is one.
    fn take_idle(&self, target: Target) -> Option<Rc<Link>> {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|link| self.is_of_use(link));
        let primary = idle.iter().rposition(|link| !link.is_standby());
        let any = idle.len().checked_sub(1).filter(|_| target == Target::Any);
        primary.or(any).map(|place| idle.remove(place))
    }

    /// Whether it may be lent again; to a standby only until the primary is to be looked for.
    fn is_of_use(&self, link: &Link) -> bool {
        !link.is_closed() && self.seen().allows(link) && (!link.is_standby() || self.standby.is_on())
    }

    /// Whether no server answers, so that nobody is to wait for one.
    pub(super) fn outage(&self) -> &Outage {
        self.connector.outage()
    }

    /// What was answered to the house.
    pub(super) fn seen(&self) -> &Seen {
        self.connector.seen()
    }

    /// The shared connection with the least to do; of a standby under the same condition.
    pub(super) async fn share(&self, deadline: Deadline) -> Result<Rc<Link>, Error> {
        self.readers.get(deadline).await
    }

    /// Shares a connection no longer, and has the server give up what it runs on it.
    pub(super) fn retire(&self, link: &Rc<Link>) {
        self.readers.retire(link);
        self.cancel(link);
    }

    fn cancel(&self, link: &Link) {
        let mut cancelling = self.cancelling.borrow_mut();
        cancelling.retain(|task| !task.is_finished());
        cancelling.push(link.cancel());
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
                Ok(Ok(link)) if self.seen().allows(&link) => {
                    self.found(&link);
                    return Ok(link);
                }
                Ok(Ok(_)) => Failure::lost("a primary has answered meanwhile"),
                Ok(Err(failure)) => failure,
                Err(_) => last.unwrap_or_else(|| Failure::lost("it did not let us in before the deadline")),
            };
            let left = deadline.remaining(&self.env);
            if failure.kind != Kind::Lost || self.closed.get() || left.is_zero() {
                return Err(failure.error);
            }
            tracing::debug!(error = %failure.error, "the database is looked for again");
            self.connector.doubt();
            *self.trouble.borrow_mut() = Some(failure.error.clone());
            last = Some(failure);
            self.pause(pause.min(left)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Nobody reads from a standby any more once the primary is there.
    fn found(&self, link: &Link) {
        if link.is_standby() {
            return self.standby.begin(STANDBY_FOR);
        }
        self.trouble.borrow_mut().take();
        self.readers.primary_found();
        self.idle.borrow_mut().retain(|link| !link.is_standby());
    }

    /// Waits about `pause`, so that those who wait together do not come back together.
    pub(super) async fn pause(&self, pause: Duration) {
        let half = u32::try_from(pause.as_micros() / 2).unwrap_or(u32::MAX).max(1);
        let jitter = Duration::from_micros(self.env.rng().below(half).into());
        tokio::time::sleep(pause / 2 + jitter).await;
    }

    /// Lends and shares no more, and lets go of what is idle.
    pub(super) async fn close(&self) {
        self.closed.set(true);
        self.permits.close();
        self.idle.borrow_mut().clear();
        self.readers.close();
        // Otherwise the server would go on with what nobody waits for.
        let cancelling = self.cancelling.take();
        join_all(cancelling).await;
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}
