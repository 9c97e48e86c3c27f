use std::ops::{Deref, DerefMut};

use crate::session::Session;
use crate::testing::Step;
use crate::{Batch, BatchOutcome, Error, FromRow, Row, Statement, Value, sqlite};

/// A transaction that reads: one snapshot of the data.
///
/// Its methods are `async` because PostgreSQL answers over a network. A body may await nothing else.
pub struct ReadTx {
    session: Session,
    /// What its body did so far, if a test wants to know.
    steps: Option<Vec<Step>>,
}

impl ReadTx {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, steps: None }
    }

    /// Notes steps from here on, or none; gives those of the body before.
    pub(crate) fn note_steps(&mut self, steps: Option<Vec<Step>>) -> Option<Vec<Step>> {
        std::mem::replace(&mut self.steps, steps)
    }

    fn note<R: AsRef<[Value]>>(&mut self, statement: &'static Statement, fixed: &[Value], rows: &[R]) {
        if let Some(steps) = &mut self.steps {
            let rows = rows.iter().map(|row| row.as_ref().to_vec()).collect();
            steps.push(Step { statement, fixed: fixed.to_vec(), rows });
        }
    }

    /// The embedded engine's session; this transaction is of that engine.
    ///
    /// # Panics
    /// If it is not.
    pub(crate) fn sqlite(&mut self) -> &mut sqlite::Session {
        match &mut self.session {
            Session::Sqlite(session) => session,
            Session::Postgres(_) => {
                unreachable!("only the embedded engine asks its own transactions for this")
            }
        }
    }

    /// The embedded engine's session back, once the transaction is over.
    ///
    /// # Panics
    /// If it is of another engine.
    pub(crate) fn into_sqlite(self) -> sqlite::Session {
        match self.session {
            Session::Sqlite(session) => session,
            Session::Postgres(_) => {
                unreachable!("only the embedded engine asks its own transactions for this")
            }
        }
    }

    /// The failure of a statement, if one failed.
    pub(crate) fn failed(&self) -> Option<Error> {
        self.session.failed()
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
        self.note::<[Value; 0]>(statement, params.as_ref(), &[]);
        let mut first = None;
        let mut each = |row: &Row<'_>| {
            first = Some(T::from_row(row)?);
            Ok(false)
        };
        self.session.query(statement, params.as_ref(), &mut each).await?;
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
        self.note::<[Value; 0]>(statement, params.as_ref(), &[]);
        let mut all = Vec::new();
        let mut each = |row: &Row<'_>| {
            all.push(T::from_row(row)?);
            Ok(true)
        };
        self.session.query(statement, params.as_ref(), &mut each).await?;
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
        if self.steps.is_some() {
            let values: Vec<_> = params[fixed.as_ref().len()..].iter().map(|value| [value.clone()]).collect();
            self.note(statement, fixed.as_ref(), &values);
        }
        let mut all = Vec::new();
        let mut each = |row: &Row<'_>| {
            all.push(T::from_row(row)?);
            Ok(true)
        };
        self.session.query_in(statement, params, fixed.as_ref().len(), &mut each).await?;
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
        self.note(statement, fixed.as_ref(), rows);
        let mut all = Vec::new();
        let mut each = |row: &Row<'_>| {
            all.push(T::from_row(row)?);
            Ok(true)
        };
        self.session.query_rows(statement, fixed.as_ref(), rows, &mut each).await?;
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
        self.note::<[Value; 0]>(statement, params.as_ref(), &[]);
        self.read.session.execute(statement, params.as_ref()).await
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
        self.note(statement, fixed.as_ref(), rows);
        self.read.session.execute_rows(statement, fixed.as_ref(), rows).await
    }

    /// Runs a statement of `{rows:N}` for one row and reads what it returned for it, if anything. The first column it
    /// returns is the first of the row, by which the answer is told from those of other rows: in a
    /// [grouped](crate::Database::write_grouped) write many callers' rows go out as one statement.
    ///
    /// # Errors
    /// As [`Tx::execute`]; `Column` if what came back is no `T`.
    pub async fn change_row<T: FromRow>(
        &mut self,
        statement: &'static Statement,
        fixed: impl AsRef<[Value]>,
        row: impl AsRef<[Value]>,
    ) -> Result<Option<T>, Error> {
        self.note(statement, fixed.as_ref(), &[row.as_ref()]);
        let mut first = None;
        let mut each = |row: &Row<'_>| {
            first = Some(T::from_row(row)?);
            Ok(false)
        };
        self.read.session.query_row(statement, fixed.as_ref(), row.as_ref(), &mut each).await?;
        Ok(first)
    }

    /// Wakes those who wait on [`Database::on_commit`](crate::Database::on_commit) once this is durable. Call it
    /// after appending to an outbox.
    pub fn wake(&mut self) {
        match &self.read.session {
            Session::Sqlite(_) => self.wake = true,
            Session::Postgres(session) => session.wake(),
        }
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
        if batch.wake {
            self.wake();
        }
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
