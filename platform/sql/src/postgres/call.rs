use tokio_postgres::Row;

use crate::{Error, Statement, Value, ValueRef};

/// What a body asks of the database: a statement with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(super) statement: &'static Statement,
    pub(super) fixed: Vec<Value>,
    pub(super) list: Given,
    /// Whether equal calls of other bodies may be done in one with this: see [`Call::row`].
    pub(super) keyed: bool,
}

/// What the statement's list holds.
#[derive(Debug, Clone)]
pub(super) enum Given {
    /// It has none.
    Nothing,
    /// `{in}`.
    Values(Vec<Value>),
    /// `{rows}`.
    Rows(Vec<Vec<Value>>),
}

/// What the database answers to a call.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) rows: Vec<Row>,
    /// Rows changed, or answered.
    pub(crate) changed: u64,
}

impl Call {
    /// A statement without a list.
    pub(crate) fn plain(statement: &'static Statement, params: &[Value]) -> Self {
        Self { statement, fixed: params.to_vec(), list: Given::Nothing, keyed: false }
    }

    /// A statement with `{in}`.
    pub(crate) fn values(
        statement: &'static Statement,
        fixed: &[Value],
        values: Vec<Value>,
    ) -> Result<Self, Error> {
        statement.in_len(fixed, values.len())?;
        Ok(Self { statement, fixed: fixed.to_vec(), list: Given::Values(values), keyed: false })
    }

    /// A statement with `{rows}`.
    pub(crate) fn rows<R: AsRef<[Value]>>(
        statement: &'static Statement,
        fixed: &[Value],
        rows: &[R],
    ) -> Result<Self, Error> {
        // Widths are checked once here; PostgreSQL sets no limit that matters.
        statement.rows_max(fixed, rows)?;
        let rows = rows.iter().map(|row| row.as_ref().to_vec()).collect();
        Ok(Self { statement, fixed: fixed.to_vec(), list: Given::Rows(rows), keyed: false })
    }

    /// A statement with `{rows}` for one row, whose answer is told apart by its first column: that of the row.
    pub(crate) fn row(statement: &'static Statement, fixed: &[Value], row: &[Value]) -> Result<Self, Error> {
        Ok(Self { keyed: true, ..Self::rows(statement, fixed, &[row])? })
    }

    /// Whether rows of other bodies may stand in the same statement, and each body's answer still be told apart: it is
    /// keyed, or an insert that puts in every row or fails.
    pub(super) fn is_mergeable(&self) -> bool {
        matches!(self.list, Given::Rows(_)) && (self.keyed || self.statement.inserts_all())
    }

    /// Whether both have a row for the same key, so that their answers could not be told apart.
    pub(super) fn shares_key(&self, other: &Self) -> bool {
        let (Given::Rows(own), Given::Rows(others)) = (&self.list, &other.list) else { return true };
        self.keyed && others.iter().any(|other| own.iter().any(|row| row.first() == other.first()))
    }

    pub(super) fn row_count(&self) -> usize {
        match &self.list {
            Given::Rows(rows) => rows.len(),
            Given::Nothing | Given::Values(_) => 0,
        }
    }

    /// The place of the row that this answer belongs to.
    pub(super) fn place_of(&self, answer: &Row) -> Option<usize> {
        let key: ValueRef<'_> = answer.try_get(0).ok()?;
        let Given::Rows(rows) = &self.list else { return None };
        rows.iter().position(|row| row.first().is_some_and(|sent| key.is(sent)))
    }

    /// Whether there is nothing to do: a list without anything in it.
    pub(super) fn is_empty(&self) -> bool {
        match &self.list {
            Given::Nothing => false,
            Given::Values(_) => false,
            Given::Rows(rows) => rows.is_empty(),
        }
    }
}
