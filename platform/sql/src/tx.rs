use std::ops::{Deref, DerefMut};

use crate::sqlite::Session;
use crate::{Batch, BatchOutcome, Error, FromRow, Row, Statement, Value};

/// A transaction that reads: one snapshot of the data.
///
/// Its methods are `async` because other engines answer over a network. On SQLite they never suspend, and a body
/// may await nothing else.
pub struct ReadTx {
    session: Session,
}

impl ReadTx {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Reads the first row, if there is one.
    ///
    /// # Errors
    /// `Column` if the row is no `T`; `DeadlineExceeded`; what the engine answers.
    pub async fn find<T: FromRow>(
        &mut self,
        statement: &'static Statement,
        params: impl AsRef<[Value]>,
    ) -> Result<Option<T>, Error> {
        let mut first = None;
        let each = |row: &Row<'_>| {
            first = Some(T::from_row(row)?);
            Ok(false)
        };
        self.session.query(statement, params.as_ref(), each)?;
        Ok(first)
    }

    /// Reads every row. The statement has a `limit`, or is bounded by its key.
    ///
    /// # Errors
    /// As [`ReadTx::find`].
    pub async fn list<T: FromRow>(
        &mut self,
        statement: &'static Statement,
        params: impl AsRef<[Value]>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let each = |row: &Row<'_>| {
            all.push(T::from_row(row)?);
            Ok(true)
        };
        self.session.query(statement, params.as_ref(), each)?;
        Ok(all)
    }

    /// Reads every row of a statement whose `{in}` holds `values`. No values match no row.
    ///
    /// # Errors
    /// As [`ReadTx::find`]; `Statement` for more values than parameters fit (about 32,000).
    pub async fn list_in<T: FromRow, V: Into<Value>>(
        &mut self,
        statement: &'static Statement,
        fixed: impl AsRef<[Value]>,
        values: impl IntoIterator<Item = V>,
    ) -> Result<Vec<T>, Error> {
        let mut params = fixed.as_ref().to_vec();
        params.extend(values.into_iter().map(Into::into));
        let mut all = Vec::new();
        let each = |row: &Row<'_>| {
            all.push(T::from_row(row)?);
            Ok(true)
        };
        self.session.query_in(statement, params, fixed.as_ref().len(), each)?;
        Ok(all)
    }

    /// Reads every row of a statement whose `{rows:N}` holds `rows`: a join with a list of pairs, say. No rows
    /// match no row.
    ///
    /// # Errors
    /// As [`ReadTx::find`].
    pub async fn list_rows<T: FromRow, R: AsRef<[Value]>>(
        &mut self,
        statement: &'static Statement,
        fixed: impl AsRef<[Value]>,
        rows: &[R],
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        let each = |row: &Row<'_>| {
            all.push(T::from_row(row)?);
            Ok(true)
        };
        self.session.query_rows(statement, fixed.as_ref(), rows, each)?;
        Ok(all)
    }
}

/// A transaction that may also write. All of it happens, or nothing.
///
/// After a statement has failed the transaction is lost: later statements answer `Aborted` and it is rolled back
/// even if its body answers `Ok`. (Every engine but SQLite behaves so; ours all do.)
pub struct Tx {
    read: ReadTx,
    wake: bool,
}

impl Tx {
    pub(crate) fn new(session: Session) -> Self {
        Self { read: ReadTx::new(session), wake: false }
    }

    /// Runs a statement and answers how many rows it changed.
    ///
    /// # Errors
    /// `Constraint` if a rule of the schema forbids it; `DeadlineExceeded`; what the engine answers.
    pub async fn execute(
        &mut self,
        statement: &'static Statement,
        params: impl AsRef<[Value]>,
    ) -> Result<u64, Error> {
        self.read.session.execute(statement, params.as_ref())
    }

    /// Runs a statement whose `{rows:N}` holds `rows`, in one go whatever their number, and answers how many rows
    /// it changed. Only beyond the engine's limit of parameters (about 32,000) it is split. No rows: nothing runs.
    ///
    /// # Errors
    /// As [`Tx::execute`]; `Statement` if the widths do not fit.
    pub async fn execute_rows<R: AsRef<[Value]>>(
        &mut self,
        statement: &'static Statement,
        fixed: impl AsRef<[Value]>,
        rows: &[R],
    ) -> Result<u64, Error> {
        self.read.session.execute_rows(statement, fixed.as_ref(), rows)
    }

    /// Wakes those who wait on [`Database::on_commit`](crate::Database::on_commit) once this is durable. Call it
    /// after appending to an outbox.
    pub fn wake(&mut self) {
        self.wake = true;
    }

    /// Whether [`Tx::wake`] was called since the last time this was asked.
    pub(crate) fn take_wake(&mut self) -> bool {
        std::mem::take(&mut self.wake)
    }

    pub(crate) async fn run(&mut self, batch: &Batch) -> Result<BatchOutcome, Error> {
        let mut changed = Vec::with_capacity(batch.steps.len());
        for (index, step) in batch.steps.iter().enumerate() {
            let actual = match &step.rows {
                None => self.execute(step.statement, &step.params).await?,
                Some(rows) => self.execute_rows(step.statement, &step.params, rows).await?,
            };
            match step.expected {
                Some(expected) if expected != actual => {
                    return Err(Error::GuardFailed { index, expected, actual });
                }
                _ => changed.push(actual),
            }
        }
        self.wake |= batch.wake;
        Ok(BatchOutcome { changed })
    }
}

impl Deref for Tx {
    type Target = ReadTx;

    fn deref(&self) -> &ReadTx {
        &self.read
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut ReadTx {
        &mut self.read
    }
}
