use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shoal_types::Deadline;
use tokio::sync::Semaphore;

use super::{Session, complete, connection};
use crate::counters::{Tally, count};
use crate::{Error, Options, ReadTx, Statement};

/// The connections that read. Each read runs on the thread of its caller: the data is in memory most of the time,
/// and handing a read of 10 us to another thread costs more than the read.
pub(crate) struct Readers {
    path: PathBuf,
    options: Options,
    tally: Arc<Tally>,
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Readers {
    pub(crate) fn new(directory: &Path, options: Options, tally: Arc<Tally>) -> Self {
        Self {
            path: connection::path(directory, options.name),
            permits: Semaphore::new(options.readers),
            idle: Mutex::default(),
            options,
            tally,
        }
    }

    /// Runs `body` on one snapshot.
    pub(crate) async fn read<T, E, F>(&self, deadline: Deadline, body: F) -> Result<T, E>
    where
        E: From<Error>,
        F: AsyncFn(&mut ReadTx) -> Result<T, E>,
    {
        let _permit = self.permits.acquire().await.map_err(|_| Error::Closed)?;
        let mut session = self.take()?;
        session.start(deadline)?;
        session.control("begin")?;
        count(&self.tally.reads);
        let mut tx = ReadTx::new(session.into());
        let result = complete(body(&mut tx));
        let session = tx.into_sqlite();
        if session.control("commit").is_ok() {
            self.put(session);
        }
        result
    }

    /// Prepares each statement without running it.
    pub(crate) fn check(&self, statements: &[&Statement]) -> Result<(), Error> {
        let session = self.take()?;
        statements.iter().try_for_each(|statement| session.check_statement(statement))
    }

    /// Lets no more reads begin and closes the idle connections.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn take(&self) -> Result<Session, Error> {
        // The lock is given back before a connection is opened.
        let idle = self.idle().pop();
        if let Some(session) = idle {
            return Ok(session);
        }
        let connection = connection::open_reader(&self.path)?;
        Ok(Session::new(connection, self.options.env.clone(), Arc::clone(&self.tally)))
    }

    fn put(&self, session: Session) {
        let mut idle = self.idle();
        if !self.permits.is_closed() {
            idle.push(session);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
