//! The connections that readers share.
//!
//! One task at a time looks for another connection, for all who wait; whoever reads waits for it no longer than his own
//! deadline, and not at all as long as there is one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use shoal_types::{Deadline, Env};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::connect::Connector;
use super::failure::{Failure, Kind, UniqueColumns};
use super::link::Link;
use super::rest::Rest;
use super::server::Target;
use crate::Error;

/// Connections to the primary that are shared.
const SHARED: usize = 2;
/// How long a standby is read from before the primary is looked for again.
pub(super) const STANDBY_FOR: Duration = Duration::from_secs(1);
/// The pause after a look that found nothing.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Readers {
    connector: Rc<Connector>,
    unique: Rc<UniqueColumns>,
    env: Env,
    links: RefCell<Vec<Rc<Link>>>,
    /// While it is on and there is a standby, the primary is not looked for.
    rest: Rest,
    looking: Cell<bool>,
    /// Why the last look found nothing.
    failure: RefCell<Option<Failure>>,
    looked: Notify,
    closed: Cell<bool>,
}

impl Readers {
    pub(super) fn new(connector: Rc<Connector>, unique: Rc<UniqueColumns>, env: Env) -> Self {
        Self {
            connector,
            unique,
            env,
            links: RefCell::default(),
            rest: Rest::default(),
            looking: Cell::new(false),
            failure: RefCell::default(),
            looked: Notify::new(),
            closed: Cell::new(false),
        }
    }

    /// The shared connection with the least to do.
    ///
    /// # Errors
    /// `Unavailable` if none was found by the deadline, or at once if no server answers at all; what else keeps us out.
    pub(super) async fn get(self: &Rc<Self>, deadline: Deadline) -> Result<Rc<Link>, Error> {
        loop {
            if self.closed.get() {
                return Err(Error::Closed);
            }
            let outage = self.connector.outage();
            if outage.is_on() {
                return Err(outage.begun().await);
            }
            self.links.borrow_mut().retain(|link| !link.is_closed() && self.connector.seen().allows(link));
            let least = self.links.borrow().iter().min_by_key(|link| link.busy()).map(Rc::clone);
            if self.is_more_wanted(least.as_deref()) && !self.looking.replace(true) {
                tokio::task::spawn_local(Rc::clone(self).look());
            }
            if let Some(link) = least {
                return Ok(link);
            }
            let left = deadline.remaining(&self.env);
            let looked = timeout(left, self.looked.notified()).await;
            let failure = self.failure.borrow().clone();
            match failure {
                Some(failure) if looked.is_err() || failure.kind != Kind::Lost => return Err(failure.error),
                None if looked.is_err() => return Err(Error::DeadlineExceeded),
                _ => {}
            }
        }
    }

    fn is_more_wanted(&self, least: Option<&Link>) -> bool {
        match least {
            None => true,
            Some(link) if link.is_standby() => !self.rest.is_on(),
            Some(link) => link.busy() > 0 && self.links.borrow().len() < SHARED,
        }
    }

    /// Looks once.
    async fn look(self: Rc<Self>) {
        let target = if self.has_primary() { Target::Primary } else { Target::Any };
        let outcome = self.connector.connect(target, Rc::clone(&self.unique)).await;
        let lost = matches!(&outcome, Err(failure) if failure.kind == Kind::Lost);
        match outcome {
            Ok(link) if !self.closed.get() => self.take(link),
            Ok(_) => {}
            Err(failure) => *self.failure.borrow_mut() = Some(failure),
        }
        if lost {
            self.connector.doubt();
            let jitter = self.env.rng().below(PAUSE.as_millis() as u32);
            tokio::time::sleep(PAUSE + Duration::from_millis(jitter.into())).await;
        }
        self.looking.set(false);
        self.looked.notify_waiters();
    }

    fn take(&self, link: Link) {
        self.failure.borrow_mut().take();
        if link.is_standby() {
            self.rest.begin(STANDBY_FOR);
            // One is enough for a while; what it replaces may be another.
            self.links.borrow_mut().retain(|link| !link.is_standby());
        } else {
            self.primary_found();
        }
        self.links.borrow_mut().push(Rc::new(link));
    }

    fn has_primary(&self) -> bool {
        self.links.borrow().iter().any(|link| !link.is_standby())
    }

    /// Reads from no standby any more: they may lag behind what the primary has answered.
    pub(super) fn primary_found(&self) {
        self.links.borrow_mut().retain(|link| !link.is_standby());
    }

    /// Shares a connection no longer.
    pub(super) fn retire(&self, link: &Rc<Link>) {
        self.links.borrow_mut().retain(|shared| !Rc::ptr_eq(shared, link));
    }

    pub(super) fn close(&self) {
        self.closed.set(true);
        self.links.borrow_mut().clear();
        self.looked.notify_waiters();
    }
}
