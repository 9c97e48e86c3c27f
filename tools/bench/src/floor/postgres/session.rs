use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use futures::future::join_all;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use crate::ground::connect;

/// A parameter of a statement.
pub(super) type Param<'p> = &'p (dyn ToSql + Sync);

/// A statement with its parameters, and how many rows it must change or answer.
pub(super) struct Step<'p> {
    pub(super) text: &'static str,
    pub(super) params: Vec<Param<'p>>,
    pub(super) rows: u64,
}

impl<'p> Step<'p> {
    /// A statement about one row.
    pub(super) fn one(text: &'static str, params: impl Into<Vec<Param<'p>>>) -> Self {
        Self { text, params: params.into(), rows: 1 }
    }
}

/// What was asked of the server; of the test provider's book, which stands for another firm's, nothing is counted.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    statements: AtomicU64,
    round_trips: AtomicU64,
}

impl Asked {
    /// Statements and waits for the server so far.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.statements.load(Ordering::Relaxed), self.round_trips.load(Ordering::Relaxed))
    }

    fn count(&self, statements: u64, round_trips: u64) {
        self.statements.fetch_add(statements, Ordering::Relaxed);
        self.round_trips.fetch_add(round_trips, Ordering::Relaxed);
    }
}

/// A connection with its prepared statements.
pub(super) struct Session {
    pub(super) client: Client,
    prepared: HashMap<&'static str, Statement>,
    asked: Arc<Asked>,
}

impl Session {
    pub(super) async fn open(url: &str, texts: &[&'static str], asked: &Arc<Asked>) -> anyhow::Result<Self> {
        let client = connect(url).await?;
        let mut prepared = HashMap::new();
        for text in texts {
            prepared.insert(*text, client.prepare(text).await?);
        }
        Ok(Self { client, prepared, asked: Arc::clone(asked) })
    }

    /// Runs a statement alone.
    pub(super) async fn run(&self, step: &Step<'_>) -> anyhow::Result<()> {
        let is_of_a_house = !step.text.contains("test_provider.");
        self.asked.count(is_of_a_house.into(), is_of_a_house.into());
        self.check(step).await
    }

    /// A transaction as it is written by hand: each statement waits for the answer to the one before.
    pub(super) async fn one_by_one(&self, steps: &[Step<'_>]) -> anyhow::Result<()> {
        if self.is_counted(steps) {
            self.asked.count(0, 2);
        }
        self.client.batch_execute("begin").await?;
        for step in steps {
            if let Err(error) = self.run(step).await {
                self.client.batch_execute("rollback").await?;
                return Err(error);
            }
        }
        Ok(self.client.batch_execute("commit").await?)
    }

    /// A transaction that goes out whole, from `begin` to `commit`, and is waited for once. If a statement fails the
    /// server keeps nothing of it; if one changes another number of rows it is kept, and answered as an error.
    pub(super) async fn at_once(&self, steps: &[Step<'_>]) -> anyhow::Result<()> {
        self.asked.count(steps.iter().filter(|step| !step.text.contains("test_provider.")).count() as u64, 1);
        // Each is sent when it is first asked for, which is in this order.
        let begun = self.client.batch_execute("begin");
        let done = join_all(steps.iter().map(|step| self.check(step)));
        let committed = self.client.batch_execute("commit");
        let (begun, done, committed) = futures::join!(begun, done, committed);
        begun?;
        done.into_iter().collect::<Result<(), _>>()?;
        Ok(committed?)
    }

    fn is_counted(&self, steps: &[Step<'_>]) -> bool {
        steps.iter().any(|step| !step.text.contains("test_provider."))
    }

    async fn check(&self, step: &Step<'_>) -> anyhow::Result<()> {
        let rows = match self.prepared.get(step.text) {
            Some(prepared) => self.client.execute(prepared, &step.params).await?,
            None => self.client.execute(step.text, &step.params).await?,
        };
        ensure!(rows == step.rows, "{rows} rows instead of {}: {}", step.rows, step.text);
        Ok(())
    }
}
