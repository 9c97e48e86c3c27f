use std::path::PathBuf;
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
    idle: Mutex<Vec<ReadTx>>,
}

impl Readers {
    pub(crate) fn new(options: Options, tally: Arc<Tally>) -> Self {
        Self {
            path: connection::path(&options),
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
        let mut tx = self.take()?;
        tx.session().start(deadline)?;
        tx.session().control("begin")?;
        count(&self.tally.reads);
        let result = complete(body(&mut tx));
        if tx.session().control("commit").is_ok() {
            self.put(tx);
        }
        result
    }

    /// Prepares each statement without running it.
    pub(crate) fn check(&self, statements: &[&Statement]) -> Result<(), Error> {
        let mut tx = self.take()?;
        statements.iter().try_for_each(|statement| tx.session().check_statement(statement))
    }

    /// Lets no more reads begin and closes the idle connections.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn take(&self) -> Result<ReadTx, Error> {
        // The lock is given back before a connection is opened.
        let idle = self.idle().pop();
        if let Some(tx) = idle {
            return Ok(tx);
        }
        let connection = connection::open_reader(&self.path)?;
        Ok(ReadTx::new(Session::new(connection, self.options.env.clone(), Arc::clone(&self.tally))))
    }

    fn put(&self, tx: ReadTx) {
        let mut idle = self.idle();
        if !self.permits.is_closed() {
            idle.push(tx);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<ReadTx>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
