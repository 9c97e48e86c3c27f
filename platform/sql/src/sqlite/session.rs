use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, params_from_iter};
use shoal_types::{Deadline, Env, Timestamp};

use super::failure::from_sqlite;
use crate::counters::{Tally, count};
use crate::session::Each;
use crate::{Error, Row, Statement, Value};

/// A connection at work on one transaction after another.
pub(crate) struct Session {
    connection: Connection,
    env: Env,
    tally: Arc<Tally>,
    deadline: Deadline,
    failed: Option<Error>,
}

impl Session {
    pub(super) fn new(connection: Connection, env: Env, tally: Arc<Tally>) -> Self {
        let deadline = Deadline::at(Timestamp::default());
        Self { connection, env, tally, deadline, failed: None }
    }

    /// Forgets the transaction before and takes the deadline of the next.
    pub(crate) fn start(&mut self, deadline: Deadline) -> Result<(), Error> {
        self.deadline = deadline;
        self.failed = None;
        self.check()
    }

    /// The error of the first statement that failed in this transaction.
    pub(crate) fn failed(&self) -> Option<Error> {
        self.failed.clone()
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs a statement of ours (`begin`, `savepoint`), which is not counted.
    pub(super) fn control(&self, text: &'static str) -> Result<(), Error> {
        let run = || self.connection.prepare_cached(text)?.raw_execute();
        run().map(|_| ()).map_err(|error| from_sqlite(&error, text))
    }

    /// Whether a transaction is open; SQLite ends one by itself after some errors.
    pub(super) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    pub(crate) fn execute(&mut self, statement: &Statement, params: &[Value]) -> Result<u64, Error> {
        self.attempt(|session| session.change(statement, statement.sqlite()?, params.iter()))
    }

    pub(crate) fn execute_rows<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        fixed: &[Value],
        rows: &[R],
    ) -> Result<u64, Error> {
        self.attempt(|session| {
            let mut changed = 0;
            for chunk in rows.chunks(statement.rows_max(fixed, rows)?) {
                let text = statement.sqlite_list(chunk.len())?;
                let params = fixed.iter().chain(chunk.iter().flat_map(AsRef::as_ref));
                changed += session.change(statement, &text, params)?;
            }
            Ok(changed)
        })
    }

    pub(crate) fn query(
        &mut self,
        statement: &Statement,
        params: &[Value],
        each: Each<'_>,
    ) -> Result<(), Error> {
        self.attempt(|session| session.answer(statement, statement.sqlite()?, params.iter(), each))
    }

    /// `params` are the fixed ones, then the values of the list.
    pub(crate) fn query_in(
        &mut self,
        statement: &Statement,
        mut params: Vec<Value>,
        fixed: usize,
        each: Each<'_>,
    ) -> Result<(), Error> {
        self.attempt(|session| {
            let values = params.len() - fixed;
            let written = statement.in_len(&params[..fixed], values)?;
            let filler = if values == 0 { Value::Null } else { params[params.len() - 1].clone() };
            params.resize(fixed + written, filler);
            session.answer(statement, &statement.sqlite_list(written)?, params.iter(), each)
        })
    }

    pub(crate) fn query_rows<R: AsRef<[Value]>>(
        &mut self,
        statement: &Statement,
        fixed: &[Value],
        rows: &[R],
        each: Each<'_>,
    ) -> Result<(), Error> {
        self.attempt(|session| {
            for chunk in rows.chunks(statement.rows_max(fixed, rows)?) {
                let text = statement.sqlite_list(chunk.len())?;
                let params = fixed.iter().chain(chunk.iter().flat_map(AsRef::as_ref));
                session.answer(statement, &text, params, each)?;
            }
            Ok(())
        })
    }

    /// Prepares a statement, also with three rows or values in its list, without running it.
    pub(super) fn check_statement(&self, statement: &Statement) -> Result<(), Error> {
        if statement.has_list()? {
            self.prepare(statement, &statement.sqlite_list(1)?)?;
            self.prepare(statement, &statement.sqlite_list(3)?).map(|_| ())
        } else {
            self.prepare(statement, statement.sqlite()?).map(|_| ())
        }
    }

    /// Does the work unless time is up or an earlier statement failed; remembers a failure.
    fn attempt<T>(&mut self, work: impl FnOnce(&Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.failed.is_some() {
            return Err(Error::Aborted);
        }
        let result = self.check().and_then(|()| work(self));
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    fn change<'p>(
        &self,
        statement: &Statement,
        text: &str,
        params: impl Iterator<Item = &'p Value>,
    ) -> Result<u64, Error> {
        count(&self.tally.statements);
        let mut prepared = self.prepare(statement, text)?;
        let changed = prepared.execute(params_from_iter(params));
        changed.map(|rows| rows as u64).map_err(|error| from_sqlite(&error, statement.name()))
    }

    fn answer<'p>(
        &self,
        statement: &Statement,
        text: &str,
        params: impl Iterator<Item = &'p Value>,
        each: Each<'_>,
    ) -> Result<(), Error> {
        count(&self.tally.statements);
        let failed = |error| from_sqlite(&error, statement.name());
        let mut prepared = self.prepare(statement, text)?;
        let mut rows = prepared.query(params_from_iter(params)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if !each(&Row::sqlite(row))? {
                break;
            }
        }
        Ok(())
    }

    fn prepare(&self, statement: &Statement, text: &str) -> Result<CachedStatement<'_>, Error> {
        self.connection.prepare_cached(text).map_err(|error| from_sqlite(&error, statement.name()))
    }

    fn check(&self) -> Result<(), Error> {
        self.deadline.check(&self.env).map_err(|_| Error::DeadlineExceeded)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::I64(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
            Self::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
        }))
    }
}
