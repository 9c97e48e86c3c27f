use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use futures::TryStreamExt;
use tokio_postgres::types::{Kind as TypeKind, ToSql, Type};
use tokio_postgres::{Client, Error as DriverError, Statement as Prepared};

use super::call::{Call, Given, Reply};
use super::failure::{Failure, UniqueColumns};
use super::value::Column;
use crate::counters::{Tally, count};
use crate::{Error, Statement};

/// One connection. What is asked of it at the same time goes out in one flight.
pub(super) struct Link {
    client: Client,
    prepared: RefCell<HashMap<*const Statement, Prepared>>,
    unique: Rc<UniqueColumns>,
    tally: Arc<Tally>,
    /// How many calls wait for its answer.
    busy: Cell<usize>,
}

impl Link {
    pub(super) fn new(client: Client, unique: Rc<UniqueColumns>, tally: Arc<Tally>) -> Self {
        Self { client, prepared: RefCell::default(), unique, tally, busy: Cell::new(0) }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Counts a flight: what goes out together from here is waited for once.
    pub(super) fn flight(&self) {
        count(&self.tally.round_trips);
    }

    /// Calls that wait for their answer.
    pub(super) fn busy(&self) -> usize {
        self.busy.get()
    }

    /// Runs what has no parameters: `begin`, `commit`. Not counted.
    pub(super) async fn control(&self, text: &str) -> Result<(), Failure> {
        let done = self.client.batch_execute(text).await;
        done.map_err(|error| self.failure(&error, "transaction"))
    }

    /// Runs a statement.
    pub(super) async fn run(&self, call: &Call) -> Result<Reply, Failure> {
        if call.is_empty() {
            return Ok(Reply::default());
        }
        self.busy.set(self.busy.get() + 1);
        let reply = self.send(call).await;
        self.busy.set(self.busy.get() - 1);
        reply
    }

    async fn send(&self, call: &Call) -> Result<Reply, Failure> {
        let prepared = self.prepare(call.statement).await?;
        count(&self.tally.statements);
        let columns = columns(call);
        let fixed = call.fixed.iter().map(|value| value as &(dyn ToSql + Sync));
        let params: Vec<_> =
            fixed.chain(columns.iter().map(|column| column as &(dyn ToSql + Sync))).collect();
        let failed = |error: DriverError| self.failure(&error, call.statement.name());
        if params.len() != prepared.params().len() {
            let detail = "was given another number of parameters than it has";
            return Err(Failure::last(call.statement.misuse(detail)));
        }
        let stream = self.client.query_raw(&prepared, params).await.map_err(failed)?;
        let mut stream = std::pin::pin!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            rows.push(row);
        }
        let changed = stream.rows_affected().unwrap_or_default();
        Ok(Reply { rows, changed })
    }

    /// The statement as this connection knows it.
    pub(super) async fn prepare(&self, statement: &'static Statement) -> Result<Prepared, Failure> {
        let key = std::ptr::from_ref(statement);
        if let Some(prepared) = self.prepared.borrow().get(&key) {
            return Ok(prepared.clone());
        }
        let failed = |error: DriverError| self.failure(&error, statement.name());
        let template = statement.template().map_err(Failure::last)?;
        let types = match template.probe() {
            Some(probe) if template.types.is_empty() => {
                self.flight();
                let probed = self.client.prepare(&probe).await.map_err(failed)?;
                probed.params()[template.fixed..].iter().map(|of| of.name().to_owned()).collect()
            }
            None if template.types.is_empty() && template.has_rows() => {
                let detail = "has rows outside `insert .. values`: name their types, {rows:uuid,bigint}";
                return Err(Failure::last(statement.misuse(detail)));
            }
            _ => template.types.clone(),
        };
        self.flight();
        let prepared = self.client.prepare(&template.postgres(&types)).await.map_err(failed)?;
        if let Some(unknown) = prepared.params().iter().find(|of| !is_sent(of)) {
            let detail = format!("has a parameter of type {unknown}, which is not sent: cast it");
            return Err(Failure::last(Error::Statement { name: statement.name(), detail }));
        }
        self.prepared.borrow_mut().insert(key, prepared.clone());
        Ok(prepared)
    }

    fn failure(&self, error: &DriverError, name: &'static str) -> Failure {
        Failure::of(error, name, &self.unique)
    }
}

/// The lists of a call, a parameter each.
fn columns(call: &Call) -> Vec<Column<'_>> {
    match &call.list {
        Given::Nothing => Vec::new(),
        Given::Values(values) => vec![Column(values.iter().collect())],
        Given::Rows(rows) => {
            let width = rows.first().map_or(0, Vec::len);
            (0..width).map(|column| Column(rows.iter().map(|row| &row[column]).collect())).collect()
        }
    }
}

/// Whether a parameter of this type can be sent.
fn is_sent(of: &Type) -> bool {
    const SENT: [Type; 8] = [
        Type::INT8,
        Type::INT4,
        Type::INT2,
        Type::TEXT,
        Type::VARCHAR,
        Type::BPCHAR,
        Type::BYTEA,
        Type::UUID,
    ];
    match of.kind() {
        TypeKind::Array(member) => SENT.contains(member),
        _ => SENT.contains(of),
    }
}
