use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use shoal_types::{Deadline, Env};

use super::call::{Call, Reply};
use super::failure::{Failure, Kind};
use super::link::Link;
use crate::{Error, Statement};

/// The way of one body to the database, for one attempt.
pub(crate) struct Session {
    env: Env,
    deadline: Deadline,
    way: Way,
    state: Rc<State>,
}

/// How an attempt goes; shared with whoever drives it.
#[derive(Default)]
pub(super) struct State {
    /// The first failure. After it nothing more is asked.
    pub(super) failure: RefCell<Option<Failure>>,
    /// Whether a statement changed rows, so that there is something to commit or to undo.
    pub(super) wrote: Cell<bool>,
    /// Whether anything was asked.
    pub(super) asked: Cell<bool>,
    /// Whether those who wait for commits are to be woken.
    pub(super) wake: Cell<bool>,
    /// Whether the body waits for an answer: if it waits for anything else it would wait for ever.
    waiting: Cell<bool>,
}

enum Way {
    /// A connection of its own; its first statement goes out together with what opens the transaction.
    Own { link: Rc<Link>, opening: Option<String>, reads: bool },
    /// One statement that reads, on a shared connection.
    Single { link: Rc<Link> },
    /// A seat among bodies that ask together.
    Seat(Rc<Seat>),
}

/// Where a body of a group leaves its question and finds its answer.
#[derive(Default)]
pub(super) struct Seat {
    pub(super) call: RefCell<Option<Call>>,
    pub(super) reply: RefCell<Option<Result<Reply, Failure>>>,
}

impl Session {
    /// On a connection of its own, with the statement that opens its transaction.
    pub(super) fn own(env: Env, deadline: Deadline, link: Rc<Link>, opening: String) -> Self {
        Self::new(env, deadline, Way::Own { link, opening: Some(opening), reads: false })
    }

    /// The same for a body that only reads.
    pub(super) fn snapshot(env: Env, deadline: Deadline, link: Rc<Link>, opening: String) -> Self {
        Self::new(env, deadline, Way::Own { link, opening: Some(opening), reads: true })
    }

    /// One statement on a shared connection. A second one has to be run anew on one snapshot.
    pub(super) fn single(env: Env, deadline: Deadline, link: Rc<Link>) -> Self {
        Self::new(env, deadline, Way::Single { link })
    }

    /// In a group.
    pub(super) fn seated(env: Env, deadline: Deadline, seat: Rc<Seat>) -> Self {
        Self::new(env, deadline, Way::Seat(seat))
    }

    fn new(env: Env, deadline: Deadline, way: Way) -> Self {
        Self { env, deadline, way, state: Rc::default() }
    }

    pub(super) fn state(&self) -> Rc<State> {
        Rc::clone(&self.state)
    }

    /// The first failure, as its body is told.
    pub(crate) fn failed(&self) -> Option<Error> {
        self.state.failure.borrow().as_ref().map(Failure::for_body)
    }

    /// Asks for a wake-up of those who wait for commits.
    pub(crate) fn wake(&self) {
        self.state.wake.set(true);
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// `Aborted` after a failure; `DeadlineExceeded`; what the engine answers.
    pub(crate) async fn call(&mut self, call: Call) -> Result<Reply, Error> {
        if self.state.failure.borrow().is_some() {
            return Err(Error::Aborted);
        }
        let result = match self.permit(call.statement) {
            Err(error) => Err(Failure::last(error)),
            Ok(()) => self.ask(call).await,
        };
        result.map_err(|failure| {
            let told = failure.for_body();
            *self.state.failure.borrow_mut() = Some(failure);
            told
        })
    }

    /// Passes in time, and in a read what only reads: nothing else would keep a shared connection from writing.
    fn permit(&self, statement: &Statement) -> Result<(), Error> {
        let reads = matches!(self.way, Way::Single { .. } | Way::Own { reads: true, .. });
        if reads && (!statement.only_reads() || statement.text().contains("{lock}")) {
            return Err(statement.misuse("writes or locks rows, and this is a read"));
        }
        self.deadline.check(&self.env).map_err(|_| Error::DeadlineExceeded)
    }

    async fn ask(&mut self, call: Call) -> Result<Reply, Failure> {
        let reads = call.statement.only_reads();
        let first = !self.state.asked.replace(true);
        self.state.waiting.set(true);
        let reply = match &mut self.way {
            Way::Own { link, opening, .. } => {
                link.flight();
                match opening.take() {
                    Some(opening) => {
                        let (opened, reply) = futures::join!(link.control(&opening), link.run(&call));
                        opened.and(reply)
                    }
                    None => link.run(&call).await,
                }
            }
            Way::Single { link } if first => {
                link.flight();
                link.run(&call).await
            }
            Way::Single { .. } => Err(Failure { error: Error::Again, kind: Kind::Conflict }),
            Way::Seat(seat) => {
                *seat.call.borrow_mut() = Some(call);
                poll_fn(|_| seat.reply.borrow_mut().take().map_or(Poll::Pending, Poll::Ready)).await
            }
        };
        self.state.waiting.set(false);
        if let Ok(reply) = &reply
            && !reads
            && reply.changed > 0
        {
            self.state.wrote.set(true);
        }
        reply
    }
}

impl State {
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.get()
    }
}
