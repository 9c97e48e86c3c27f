//! The embedded engine: a file for each house.

pub mod backup;
mod catalogue;
mod connection;
mod failure;
mod lock;
mod mark;
mod migrate;
mod reader;
mod session;
mod snapshot;
mod transfer;
mod writer;

pub(crate) use reader::Readers;
pub(crate) use session::Session;
pub(crate) use transfer::Files;
pub(crate) use writer::{Job, Writer};

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::{Error, panic_message};

/// Runs a body to its end on this thread. Nothing in it suspends here, so one poll is enough.
///
/// # Errors
/// `Suspended` if it awaits something that is not the database, `Panicked` if it panics.
pub(crate) fn complete<T, E: From<Error>>(body: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let poll = || pin!(body).poll(&mut Context::from_waker(Waker::noop()));
    match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(Poll::Ready(result)) => result,
        Ok(Poll::Pending) => Err(Error::Suspended.into()),
        Err(panic) => Err(Error::Panicked { message: panic_message(&*panic) }.into()),
    }
}
