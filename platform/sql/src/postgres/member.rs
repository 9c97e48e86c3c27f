use std::any::TypeId;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use shoal_types::Deadline;
use tokio::sync::oneshot;

use super::session::{Session, State};
use crate::{Error, ReadTx, Tx, panic_message};

/// A body on the thread that runs it, with the caller that waits for its result. It may be attempted more than once.
pub(super) trait Member {
    /// Runs the body once. Its result replaces that of the attempt before.
    fn attempt(&self, session: Session) -> Attempt;

    /// Nobody waits past this instant.
    fn deadline(&self) -> Deadline;

    /// Tells one body from another: the type of the closure.
    fn kind(&self) -> TypeId;

    /// Tells the caller what the last attempt gave if it was kept, or why not. The body's own error tells more than
    /// what became of the transaction.
    fn answer(self: Box<Self>, fate: Result<(), Error>);
}

/// A body on its way to the thread that runs it.
pub(crate) type Job = Box<dyn FnOnce() -> Box<dyn Member> + Send>;

/// How a body is called with a session.
pub(crate) trait Body<T, E>: Send + 'static {
    /// Runs the body on a transaction of `session`.
    fn run(&self, session: Session) -> impl Future<Output = Result<T, E>>;
}

/// A body that only reads.
pub(crate) struct Reads<F>(pub(crate) F);

/// A body that may write.
pub(crate) struct Writes<F>(pub(crate) F);

impl<T, E, F> Body<T, E> for Reads<F>
where
    E: From<Error>,
    F: AsyncFn(&mut ReadTx) -> Result<T, E> + Send + 'static,
{
    async fn run(&self, session: Session) -> Result<T, E> {
        (self.0)(&mut ReadTx::new(session.into())).await
    }
}

impl<T, E, F> Body<T, E> for Writes<F>
where
    E: From<Error>,
    F: AsyncFn(&mut Tx) -> Result<T, E> + Send + 'static,
{
    async fn run(&self, session: Session) -> Result<T, E> {
        let mut tx = Tx::new(session.into());
        let value = (self.0)(&mut tx).await?;
        // A body may have passed over the failure of a statement.
        match tx.failed() {
            Some(error) => Err(error.into()),
            None => Ok(value),
        }
    }
}

/// Packs a body for its way to the thread.
pub(crate) fn job<T, E, B>(body: B, deadline: Deadline, reply: oneshot::Sender<Result<T, E>>) -> Job
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    B: Body<T, E>,
{
    Box::new(move || Box::new(Seated { body: Rc::new(body), deadline, result: Rc::default(), reply }))
}

struct Seated<T, E, B> {
    body: Rc<B>,
    deadline: Deadline,
    result: Rc<RefCell<Option<Result<T, E>>>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<T, E, B> Member for Seated<T, E, B>
where
    T: Send + 'static,
    E: From<Error> + Send + 'static,
    B: Body<T, E>,
{
    fn attempt(&self, session: Session) -> Attempt {
        let (body, result, state) = (Rc::clone(&self.body), Rc::clone(&self.result), session.state());
        let run = async move {
            let ended = body.run(session).await;
            let content = ended.is_ok();
            *result.borrow_mut() = Some(ended);
            content
        };
        Attempt { body: Box::pin(run), state }
    }

    fn deadline(&self) -> Deadline {
        self.deadline
    }

    fn kind(&self) -> TypeId {
        TypeId::of::<B>()
    }

    fn answer(self: Box<Self>, fate: Result<(), Error>) {
        let result = match (self.result.take(), fate) {
            (Some(Ok(value)), Ok(())) => Ok(value),
            (Some(Err(error)), Ok(())) => Err(error),
            (_, Err(error)) => Err(error.into()),
            (None, Ok(())) => Err(Error::Closed.into()),
        };
        // A caller that went away needs no answer.
        let _ = self.reply.send(result);
    }
}

/// A body at work. It gives whether the body is content; a panic, or waiting for anything but the database, is an
/// error.
pub(super) struct Attempt {
    body: Pin<Box<dyn Future<Output = bool>>>,
    state: Rc<State>,
}

impl Attempt {
    pub(super) fn state(&self) -> &Rc<State> {
        &self.state
    }
}

impl Future for Attempt {
    type Output = Result<bool, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.body.as_mut().poll(cx))) {
            Ok(Poll::Ready(content)) => Poll::Ready(Ok(content)),
            Ok(Poll::Pending) if self.state.is_waiting() => Poll::Pending,
            Ok(Poll::Pending) => Poll::Ready(Err(Error::Suspended)),
            Err(panic) => Poll::Ready(Err(Error::Panicked { message: panic_message(&*panic) })),
        }
    }
}
