//! What PostgreSQL holds, copied into SQLite in memory, so that the books are audited by the same statements on every
//! engine.
//!
//! A copy is one snapshot over all houses. It is made with the driver alone: a mistake of the houses' own layer cannot
//! hide itself.

use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::HOUSES;
use crate::postgres::{connected, schema_of};

/// What the layer below the houses keeps for itself, in every schema.
const OWN_TABLES: &str = "'schema_migrations', 'commits'";

/// Makes copies, on a thread that ends with this.
pub(super) struct Copier {
    asked: mpsc::Sender<mpsc::Sender<Copied>>,
    thread: JoinHandle<()>,
}

/// The tables with their rows.
struct Copied(Vec<(Table, Vec<Vec<Value>>)>);

/// A table as the catalogue has it.
#[derive(Debug, Clone)]
struct Table {
    schema: String,
    name: String,
    columns: Vec<(String, String)>,
    /// The columns of each index. Without them the audit of a long run would take minutes.
    indexes: Vec<String>,
}

impl Copier {
    /// Connects to the database at this URL.
    pub(super) fn connect(address: &str) -> Self {
        let (asked, questions) = mpsc::channel::<mpsc::Sender<Copied>>();
        let thread = connected(address, async move |client| {
            let tables = tables(&client).await.expect("the catalogue can be read");
            for (name, house) in HOUSES {
                let schema = schema_of(house);
                assert!(tables.iter().any(|table| table.schema == schema), "the schema of {name} is missing");
            }
            while let Ok(answer) = questions.recv() {
                let copied = copied(&client, &tables).await.expect("the tables can be read");
                // Who asked may be gone; then the next question never comes.
                drop(answer.send(copied));
            }
        });
        Self { asked, thread }
    }

    /// The data of this moment, each house under its name.
    pub(super) fn copy(&self) -> Connection {
        let (answer, copied) = mpsc::channel();
        let gone = |thread: &JoinHandle<()>| panic!("the copier has ended: {}", thread.is_finished());
        if self.asked.send(answer).is_err() {
            gone(&self.thread);
        }
        let copied = copied.recv().unwrap_or_else(|_| gone(&self.thread));
        laid_down(&copied).expect("SQLite takes what PostgreSQL has")
    }
}

fn laid_down(copied: &Copied) -> rusqlite::Result<Connection> {
    let files = Connection::open_in_memory()?;
    for (name, _) in HOUSES {
        files.execute(&format!("attach database ':memory:' as {name}"), [])?;
    }
    files.execute_batch("begin")?;
    for (table, rows) in &copied.0 {
        files.execute_batch(&table.definition())?;
        let places = vec!["?"; table.columns.len()].join(", ");
        let mut insert = files.prepare(&format!("insert into {} values ({places})", table.place()))?;
        for row in rows {
            insert.execute(params_from_iter(row))?;
        }
    }
    files.execute_batch("commit")?;
    Ok(files)
}

impl Table {
    /// The name of its house in the books.
    fn house(&self) -> &'static str {
        let house = HOUSES.iter().find(|(_, house)| schema_of(house) == self.schema);
        house.map(|(name, _)| *name).expect("only tables of houses are listed")
    }

    fn place(&self) -> String {
        format!("{}.{}", self.house(), self.name)
    }

    fn definition(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
        let mut text = format!("create table {} ({});", self.place(), columns.join(", "));
        for (number, columns) in self.indexes.iter().enumerate() {
            let (house, name) = (self.house(), &self.name);
            text.push_str(&format!("create index {house}.{name}_{number} on {name} ({columns});"));
        }
        text
    }

    fn select(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        format!("select {} from {}.{};", columns.join(", "), self.schema, self.name)
    }
}

/// The tables of all houses.
async fn tables(client: &Client) -> Result<Vec<Table>, Error> {
    let schemas: Vec<_> = HOUSES.iter().map(|(_, house)| format!("'{}'", schema_of(house))).collect();
    let schemas = schemas.join(", ");
    let of_houses = format!(
        "join pg_class t on t.oid = a.attrelid and t.relkind = 'r' and t.relname not in ({OWN_TABLES})
        join pg_namespace n on n.oid = t.relnamespace and n.nspname in ({schemas})"
    );
    let columns = format!(
        "select n.nspname::text, t.relname::text, a.attname::text, format_type(a.atttypid, null)
        from pg_attribute a
        {of_houses}
        where a.attnum > 0 and not a.attisdropped
        order by t.oid, a.attnum"
    );
    let indexes = format!(
        "select n.nspname::text, t.relname::text, string_agg(a.attname::text, ', ' order by k.place)
        from pg_index x
        cross join lateral unnest(x.indkey) with ordinality as k (number, place)
        join pg_attribute a on a.attrelid = x.indrelid and a.attnum = k.number
        {of_houses}
        group by x.indexrelid, n.nspname, t.relname"
    );
    let (columns, indexes) = tokio::try_join!(client.query(&columns, &[]), client.query(&indexes, &[]))?;
    let mut tables: Vec<Table> = Vec::new();
    for row in columns {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if tables.last().is_none_or(|table| (&table.schema, &table.name) != (&schema, &name)) {
            tables.push(Table { schema, name, columns: Vec::new(), indexes: Vec::new() });
        }
        if let Some(table) = tables.last_mut() {
            table.columns.push((row.try_get(2)?, row.try_get(3)?));
        }
    }
    for row in indexes {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let mut of = tables.iter_mut().filter(|table| (&table.schema, &table.name) == (&schema, &name));
        if let Some(table) = of.next() {
            table.indexes.push(row.try_get(2)?);
        }
    }
    Ok(tables)
}

/// All rows of all tables as one transaction sees them, in one flight.
async fn copied(client: &Client, tables: &[Table]) -> Result<Copied, Error> {
    let selects: String = tables.iter().map(Table::select).collect();
    let snapshot = format!("begin isolation level repeatable read, read only; {selects} commit");
    let mut all: Vec<(Table, Vec<Vec<Value>>)> = Vec::new();
    for message in client.simple_query(&snapshot).await? {
        match message {
            // Each table's rows come after their description.
            SimpleQueryMessage::RowDescription(_) => all.push((tables[all.len()].clone(), Vec::new())),
            SimpleQueryMessage::Row(row) => {
                let (table, rows) = all.last_mut().expect("rows come after their description");
                let columns = table.columns.iter().enumerate();
                rows.push(columns.map(|(place, (_, kind))| value(kind, row.get(place))).collect());
            }
            _ => {}
        }
    }
    Ok(Copied(all))
}

/// A value as the house's file would hold it.
fn value(kind: &str, text: Option<&str>) -> Value {
    let Some(text) = text else { return Value::Null };
    let bytes = |digits: String| Value::Blob(hex::decode(digits).expect("bytes come as digits"));
    match kind {
        "bigint" | "smallint" => Value::Integer(text.parse().expect("a whole number comes as digits")),
        "text" | "character" => Value::Text(text.to_owned()),
        "uuid" => bytes(text.replace('-', "")),
        "bytea" => bytes(text.trim_start_matches("\\x").to_owned()),
        _ => panic!("no house has columns of the type {kind}"),
    }
}
