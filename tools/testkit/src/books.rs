//! The audit: what the data of a shop says, held against each other.
//!
//! It reads the files themselves, or what PostgreSQL holds, and asks no house, so that a mistake of a house cannot hide
//! itself.

mod copy;

use std::cell::{Ref, RefCell};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Row};
use shoal_contract::checkout::CheckoutId;

use crate::invariants::{INVARIANTS, Invariant};
use crate::postgres::is_postgres;
use copy::Copier;

/// The names that tables are found under, and whose they are.
pub(crate) const HOUSES: [(&str, &str); 5] = [
    ("users", "users"),
    ("products", "products"),
    ("orders", "orders"),
    ("checkout", "checkout"),
    ("bank", "test-provider"),
];
/// The pause between two looks at sagas under way.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The books of a shop at rest.
pub struct Books {
    files: RefCell<Connection>,
    /// Where the data is on PostgreSQL: `files` is a copy, made anew for each question.
    copier: Option<Copier>,
}

impl Books {
    /// Opens the data at this address, in the words of `--data`. The shop may be open or not.
    pub fn open(data: &str) -> Self {
        if is_postgres(data) {
            let copier = Copier::connect(data);
            return Self { files: RefCell::new(copier.copy()), copier: Some(copier) };
        }
        let files = Connection::open_in_memory().expect("SQLite opens in memory");
        for (name, house) in HOUSES {
            let path = Path::new(data).join(format!("{house}.db"));
            assert!(path.exists(), "{} is missing", path.display());
            let path = path.to_str().expect("a test's folder has a plain name");
            files.execute(&format!("attach database ?1 as {name}"), [path]).expect("the file can be read");
        }
        Self { files: RefCell::new(files), copier: None }
    }

    /// The data of this moment.
    fn look(&self) -> Ref<'_, Connection> {
        if let Some(copier) = &self.copier {
            self.files.replace(copier.copy());
        }
        self.files.borrow()
    }

    /// Waits until no saga is under way, at most `within`, then passes books that balance; panics otherwise.
    /// A purchase whose buyer has yet to confirm the payment is at rest too.
    pub async fn settled(data: &str, within: Duration) -> Self {
        Self::settled_apart_from(data, within, |_| false).await
    }

    /// As [`Books::settled`], without the facts that are not known to hold, or not even known to the data.
    pub(crate) async fn settled_apart_from(data: &str, within: Duration, open: fn(&str) -> bool) -> Self {
        let books = Self::open(data);
        let late = tokio::time::Instant::now() + within;
        while books.sagas_under_way() > 0 {
            assert!(tokio::time::Instant::now() < late, "sagas without an end: {:?}", books.unfinished());
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        let wrong = books.discrepancies_apart_from(open);
        assert!(wrong.is_empty(), "the books do not balance:\n{}", wrong.join("\n"));
        books
    }

    /// Payments are known at the provider by the text of their checkout's id; SQL joins them by its bits.
    fn index_payments(files: &Connection) -> rusqlite::Result<()> {
        files.execute_batch(
            "drop table if exists temp.payments;
             create temp table payments (order_id blob primary key, status text, amount bigint, refunded bigint)",
        )?;
        let mut list = files.prepare("select payment_key, status, amount, refunded from bank.payments")?;
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let payments: Vec<(String, String, i64, i64)> = list.query_map([], row)?.collect::<Result<_, _>>()?;
        for (key, status, amount, refunded) in payments {
            let checkout = key.strip_suffix("/authorise").and_then(|id| id.parse::<CheckoutId>().ok());
            let id = checkout.unwrap_or_else(|| panic!("{key} is no payment of a checkout")).uuid();
            let insert =
                "insert into temp.payments (order_id, status, amount, refunded) values (?1, ?2, ?3, ?4)";
            files.execute(insert, (id.as_bytes(), status, amount, refunded))?;
        }
        Ok(())
    }

    /// What contradicts each other, in sentences; empty if the books balance.
    pub fn discrepancies(&self) -> Vec<String> {
        self.discrepancies_apart_from(|_| false)
    }

    fn discrepancies_apart_from(&self, open: fn(&str) -> bool) -> Vec<String> {
        let files = self.look();
        Self::index_payments(&files).expect("payments can be listed");
        let known = INVARIANTS.iter().filter(|invariant| !open(invariant.fact));
        known.flat_map(|invariant| broken(&files, invariant)).collect()
    }

    /// Sagas that have not ended, but for purchases whose buyer must confirm the payment.
    pub fn sagas_under_way(&self) -> i64 {
        self.number("select count(*) from checkout.sagas where done = 0 and stage not like '%awaiting%'")
    }

    /// The kind and stage of each saga that has not ended.
    pub fn unfinished(&self) -> Vec<String> {
        self.texts("select kind || ' ' || stage from checkout.sagas where done = 0")
    }

    /// Orders that are paid and were not cancelled.
    pub fn orders(&self) -> i64 {
        self.number("select count(*) from orders.orders where source = 'web' and status <> 'cancelled' and paid = total")
    }

    /// Every order, whatever became of it.
    pub fn orders_ever(&self) -> i64 {
        self.number("select count(*) from orders.orders where source = 'web'")
    }

    /// The ids of all orders that are paid and were not cancelled.
    pub fn order_ids(&self) -> Vec<String> {
        let select = "select hex(order_id) from orders.orders
            where source = 'web' and status <> 'cancelled' and paid = total";
        self.texts(select)
    }

    /// Money at the provider that has come and not gone back, cents.
    pub fn money(&self) -> i64 {
        self.number("select coalesce(sum(amount - refunded), 0) from bank.payments where status = 'captured'")
    }

    /// Payments at the provider in this state: `authorised`, `captured`, `voided`, `declined`, `pending`.
    pub fn payments(&self, status: &str) -> i64 {
        self.number(&format!("select count(*) from bank.payments where status = '{status}'"))
    }

    /// Pieces of a SKU that are on hand, and of these the ones held.
    pub fn shelf(&self, sku: &str) -> (i64, i64) {
        let select = "select on_hand, reserved from products.stock where sku = ?1";
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.look().query_row(select, [sku], row).unwrap_or_else(|error| panic!("no shelf of {sku}: {error}"))
    }

    /// Every row of every table but those named, as text: equal if nothing was changed.
    pub fn contents(&self, but: &[&str]) -> Vec<String> {
        let (files, mut rows) = (self.look(), Vec::new());
        for (house, _) in HOUSES {
            let select = format!("select name from {house}.sqlite_master where type = 'table'");
            let tables = texts(&files, &select);
            for table in tables.iter().filter(|table| !but.contains(&table.as_str())) {
                rows.extend(Self::rows(&files, house, table));
            }
        }
        rows.sort();
        rows
    }

    fn rows(files: &Connection, house: &str, table: &str) -> Vec<String> {
        let list = || {
            let mut select = files.prepare(&format!("select * from {house}.{table}"))?;
            let columns = select.column_count();
            let text = |row: &Row<'_>| {
                let values = (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}")));
                Ok(format!("{house}.{table}: {}", values.collect::<Result<Vec<_>, _>>()?.join(", ")))
            };
            select.query_map([], text)?.collect::<Result<Vec<_>, _>>()
        };
        list().unwrap_or_else(|error: rusqlite::Error| panic!("{table}: {error}"))
    }

    /// Everything told of orders so far; that one shall never be made is told to nobody.
    pub fn events_of_orders(&self) -> i64 {
        self.number("select count(*) from orders.order_events where kind <> 'order.refused'")
    }

    /// Pieces sold by the figures of sales.
    pub fn units_sold(&self) -> i64 {
        self.number("select coalesce(sum(units), 0) from orders.sales")
    }

    /// Events that no relay has carried yet.
    pub fn events_waiting(&self) -> i64 {
        self.number(
            "select (select count(*) from orders.order_events where published = 0)
              + (select count(*) from orders.outbox where published = 0)
              + (select count(*) from products.outbox where published = 0)
              + (select count(*) from checkout.outbox where published = 0)",
        )
    }

    fn number(&self, select: &str) -> i64 {
        self.look()
            .query_row(select, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{select}: {error}"))
    }

    fn texts(&self, select: &str) -> Vec<String> {
        texts(&self.look(), select)
    }
}

fn broken(files: &Connection, invariant: &Invariant) -> Vec<String> {
    let offenders = texts(files, invariant.offenders);
    offenders.into_iter().map(|offender| format!("{}: {offender}", invariant.fact)).collect()
}

fn texts(files: &Connection, select: &str) -> Vec<String> {
    let list = || {
        let mut statement = files.prepare(select)?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()
    };
    list().unwrap_or_else(|error: rusqlite::Error| panic!("{select}: {error}"))
}
