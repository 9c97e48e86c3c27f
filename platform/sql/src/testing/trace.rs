//! What a house asks of its database, transaction by transaction, for tests that look at it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Database, Statement, Value};

/// A statement as a body ran it.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which.
    pub statement: &'static Statement,
    /// The parameters outside its list.
    pub fixed: Vec<Value>,
    /// The rows of its `{rows}`; the values of its `{in}`, each as a row of one.
    pub rows: Vec<Vec<Value>>,
}

/// What one body did, read or write, as it ran last. Of a group of callers each body is one.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// The database's name.
    pub database: &'static str,
    /// Whether it could write.
    pub writes: bool,
    /// Its statements, in order.
    pub steps: Vec<Step>,
}

/// Collects the transactions of a database from [`trace`] on, until it is dropped.
#[derive(Debug)]
pub struct Trace(Arc<Tracer>);

impl Trace {
    /// Those that answered `Ok` since the last time this was asked, in the order in which they did.
    pub fn take(&self) -> Vec<Transaction> {
        std::mem::take(&mut self.0.seen())
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        self.0.on.store(false, Ordering::Relaxed);
        self.0.seen().clear();
    }
}

/// Begins to collect what the bodies of `database` do. For tests: nothing bounds what is collected but [`Trace::take`].
pub fn trace(database: &Database) -> Trace {
    let tracer = database.tracer();
    tracer.on.store(true, Ordering::Relaxed);
    Trace(Arc::clone(tracer))
}

/// Where a database's transactions are noted while somebody collects them.
#[derive(Debug, Default)]
pub(crate) struct Tracer {
    on: AtomicBool,
    seen: Mutex<Vec<Transaction>>,
}

impl Tracer {
    fn seen(&self) -> MutexGuard<'_, Vec<Transaction>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a body that begins notes its steps; none if nobody collects them.
    pub(crate) fn begin(&self) -> Option<Vec<Step>> {
        self.on.load(Ordering::Relaxed).then(Vec::new)
    }

    /// Notes what a body did that answered `Ok`.
    pub(crate) fn end(&self, database: &'static str, writes: bool, steps: Option<Vec<Step>>) {
        if let Some(steps) = steps
            && self.on.load(Ordering::Relaxed)
        {
            self.seen().push(Transaction { database, writes, steps });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shoal_types::{Context, Env};

    use super::*;
    use crate::{Error, Migration, Statement, Tx, params};

    const POND: &[Migration] = &[Migration::new(
        "0001_fish.sql",
        "create table fish (id bigint not null, name text not null, constraint fish_pk primary key (id));",
    )];

    static ADD: Statement = Statement::new("ADD", "insert into fish (id, name) values {rows:2}");
    static FIND: Statement = Statement::new("FIND", "select name from fish where id = $1");
    static LIST: Statement = Statement::new("LIST", "select name from fish where id in {in} order by id");

    #[tokio::test]
    async fn what_bodies_did_is_collected_while_somebody_asks() {
        let env = Env::system();
        let cx = Context::system(&env, Duration::from_secs(30));
        let db = Database::temporary("pond", POND, &env).await.expect("it opens");
        let add = async |id: i64| {
            let body = async move |tx: &mut Tx| {
                tx.execute_rows(&ADD, params![], &[params![id, "carp"], params![id + 1, "pike"]]).await
            };
            db.write(&cx, body).await
        };
        let trace = trace(&db);
        add(1).await.expect("added");
        add(2).await.expect_err("there is one");
        let read = db.read(&cx, async |tx| {
            tx.find::<String>(&FIND, params![1]).await?;
            tx.list_in::<String, _>(&LIST, params![], [1_i64, 2]).await
        });
        assert_eq!(read.await, Ok::<_, Error>(vec!["carp".to_owned(), "pike".to_owned()]));

        let seen = trace.take();
        let steps = |transaction: &Transaction| -> Vec<_> {
            let step = |step: &Step| (step.statement.name(), step.fixed.clone(), step.rows.clone());
            transaction.steps.iter().map(step).collect()
        };
        assert_eq!(
            seen.iter().map(|each| (each.database, each.writes)).collect::<Vec<_>>(),
            [("pond", true), ("pond", false)]
        );
        let rows = vec![params![1, "carp"].to_vec(), params![2, "pike"].to_vec()];
        assert_eq!(steps(&seen[0]), [("ADD", vec![], rows)]);
        let list = vec![params![1].to_vec(), params![2].to_vec()];
        assert_eq!(steps(&seen[1]), [("FIND", params![1].to_vec(), vec![]), ("LIST", vec![], list)]);

        drop(trace);
        add(7).await.expect("added");
        assert_eq!(super::trace(&db).take().len(), 0);
    }
}
