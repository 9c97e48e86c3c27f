use crate::{Statement, Value};

/// Statements that run as one transaction, without a caller's decision in between; each may be guarded by the
/// number of rows it must change.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) steps: Vec<Step>,
    pub(crate) wake: bool,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) statement: &'static Statement,
    pub(crate) params: Vec<Value>,
    pub(crate) rows: Option<Vec<Vec<Value>>>,
    pub(crate) expected: Option<u64>,
}

/// What a batch changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Rows changed by each statement, in order.
    pub changed: Vec<u64>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement that may change any number of rows.
    #[must_use]
    pub fn add(self, statement: &'static Statement, params: impl Into<Vec<Value>>) -> Self {
        self.step(statement, params.into(), None, None)
    }

    /// Adds a statement that must change `expected` rows, or nothing of the batch happens.
    #[must_use]
    pub fn guard(self, statement: &'static Statement, params: impl Into<Vec<Value>>, expected: u64) -> Self {
        self.step(statement, params.into(), None, Some(expected))
    }

    /// Adds a `{rows}` statement; see [`Tx::execute_rows`](crate::Tx::execute_rows).
    #[must_use]
    pub fn add_rows<R: Into<Vec<Value>>>(
        self,
        statement: &'static Statement,
        fixed: impl Into<Vec<Value>>,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let rows = rows.into_iter().map(Into::into).collect();
        self.step(statement, fixed.into(), Some(rows), None)
    }

    /// Adds a `{rows}` statement that must change `expected` rows, or nothing of the batch happens.
    #[must_use]
    pub fn guard_rows<R: Into<Vec<Value>>>(
        self,
        statement: &'static Statement,
        fixed: impl Into<Vec<Value>>,
        rows: impl IntoIterator<Item = R>,
        expected: u64,
    ) -> Self {
        let rows = rows.into_iter().map(Into::into).collect();
        self.step(statement, fixed.into(), Some(rows), Some(expected))
    }

    /// Wakes those who wait on [`Database::on_commit`](crate::Database::on_commit) once the batch is durable.
    #[must_use]
    pub fn wake(self) -> Self {
        Self { wake: true, ..self }
    }

    fn step(
        mut self,
        statement: &'static Statement,
        params: Vec<Value>,
        rows: Option<Vec<Vec<Value>>>,
        expected: Option<u64>,
    ) -> Self {
        self.steps.push(Step { statement, params, rows, expected });
        self
    }
}
