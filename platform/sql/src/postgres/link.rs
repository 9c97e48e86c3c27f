use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::types::{Kind as TypeKind, ToSql, Type};
use tokio_postgres::{Client, Error as DriverError, SimpleQueryMessage, Statement as Prepared};

use super::call::{Call, Given, Reply};
use super::failure::{Failure, UniqueColumns};
use super::pulse::Pulse;
use super::server::Server;
use super::value::Column;
use crate::counters::{Tally, count};
use crate::{Error, Statement};

/// How long a request to give up a statement may take.
const CANCEL_MAX: Duration = Duration::from_secs(2);

/// One connection. What is asked of it at the same time goes out in one flight.
pub(super) struct Link {
    client: Client,
    pulse: Rc<Pulse>,
    server: Server,
    standby: bool,
    /// Which of the primary's histories the server writes, if it has such and is a primary.
    history: Option<u32>,
    /// At which count of what was seen the standby had all of it.
    proved_at: Cell<Option<u64>>,
    prepared: RefCell<HashMap<*const Statement, Prepared>>,
    unique: Rc<UniqueColumns>,
    tally: Arc<Tally>,
    /// Whether somebody went away without waiting for an answer.
    abandoned: Cell<bool>,
}

/// A call under way.
struct Pending<'l>(&'l Link);

impl<'l> Pending<'l> {
    fn on(link: &'l Link) -> Self {
        link.pulse.asked();
        Self(link)
    }

    fn answered(self) {
        self.0.pulse.answered();
        std::mem::forget(self);
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.0.pulse.abandoned();
        self.0.abandoned.set(true);
    }
}

impl Link {
    pub(super) fn new(
        client: Client,
        pulse: Rc<Pulse>,
        server: Server,
        unique: Rc<UniqueColumns>,
        tally: Arc<Tally>,
    ) -> Self {
        Self {
            client,
            pulse,
            server,
            standby: false,
            history: None,
            proved_at: Cell::new(None),
            prepared: RefCell::default(),
            unique,
            tally,
            abandoned: Cell::new(false),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn is_closed(&self) -> bool {
        self.pulse.is_cut() || self.client.is_closed()
    }

    /// Whether it leads to a server that takes no writes.
    pub(super) fn is_standby(&self) -> bool {
        self.standby
    }

    pub(super) fn set_standby(&mut self, standby: bool) {
        self.standby = standby;
    }

    pub(super) fn history(&self) -> Option<u32> {
        self.history
    }

    pub(super) fn set_history(&mut self, history: Option<u32>) {
        self.history = history;
    }

    pub(super) fn proved_at(&self) -> Option<u64> {
        self.proved_at.get()
    }

    /// It is a standby that had all that was seen at this count.
    pub(super) fn prove(&self, count: u64) {
        self.proved_at.set(Some(count));
    }

    /// Counts a flight: what goes out together from here is waited for once.
    pub(super) fn flight(&self) {
        count(&self.tally.round_trips);
    }

    /// Calls that wait for their answer.
    pub(super) fn busy(&self) -> usize {
        self.pulse.busy()
    }

    /// How often it has answered.
    pub(super) fn answers(&self) -> u64 {
        self.pulse.answers()
    }

    /// Ends the connection at once, whatever is on its way in either direction.
    pub(super) fn cut(&self) {
        self.pulse.cut();
    }

    /// Asks the server to give up the statement that it runs. Never while it commits: it would call that a success
    /// without having waited for its standby.
    pub(super) fn cancel(&self) -> JoinHandle<()> {
        let (token, server) = (self.client.cancel_token(), self.server.clone());
        tokio::task::spawn_local(async move {
            let Ok(tls) = server.tls().connector() else { return };
            if let Ok(Err(error)) = timeout(CANCEL_MAX, token.cancel_query(tls)).await {
                tracing::debug!(%error, "a statement could not be cancelled");
            }
        })
    }

    /// Runs what has no parameters: `begin`, `commit`. Not counted.
    pub(super) async fn control(&self, text: &str) -> Result<(), Failure> {
        self.ask(text).await.map(|_| ())
    }

    /// Runs what has no parameters and gives its rows as text. Not counted.
    pub(super) async fn ask(&self, text: &str) -> Result<Vec<SimpleQueryMessage>, Failure> {
        let pending = Pending::on(self);
        let told = self.client.simple_query(text).await;
        pending.answered();
        told.map_err(|error| Failure::of_control(&error, &self.unique))
    }

    /// Undoes what is open; whether that worked within `limit`. If not, the connection is of no more use.
    pub(super) async fn rollback(&self, limit: Duration) -> bool {
        self.flight();
        let undone = matches!(timeout(limit, self.control("rollback")).await, Ok(Ok(())));
        if !undone {
            self.cut();
        }
        undone
    }

    /// Runs a statement.
    pub(super) async fn run(&self, call: &Call) -> Result<Reply, Failure> {
        if call.is_empty() {
            return Ok(Reply::default());
        }
        let pending = Pending::on(self);
        let reply = self.send(call).await;
        pending.answered();
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

impl Drop for Link {
    fn drop(&mut self) {
        // Otherwise the driver would wait for the answer that nobody waits for, perhaps for ever.
        if self.abandoned.get() {
            self.pulse.cut();
        }
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
