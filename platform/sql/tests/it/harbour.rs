//! A small house to move: its schema, its rows in files, and a PostgreSQL server to move it to.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::types::Value as Lite;
use rusqlite::{Connection, params_from_iter};
use shoal_servers::{Options, Postgres};
use shoal_sql::transfer::{Error, House, Move, Outcome, Progress};
use shoal_sql::{Database, Migration, Options as Open, Source};
use shoal_types::Env;
use tempfile::TempDir;

/// `berths` point at `ships`, which come later in the alphabet, and `counts` is not born empty.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration::new(
        "0001_ships.sql",
        "create table ships (
           id uuid not null,
           name text not null,
           afloat smallint not null,
           weight bigint,
           flag char(3) not null,
           \"order\" text,
           papers bytea,
           sister uuid,
           constraint ships_pk primary key (id)
         );
         create table berths (
           ship_id uuid not null,
           quay text not null,
           place bigint not null,
           constraint berths_pk primary key (quay, place, ship_id),
           constraint berths_of_ships foreign key (ship_id) references ships (id)
         );",
    ),
    Migration::new(
        "0002_counts.sql",
        "create table counts (
           what text not null,
           number bigint not null,
           constraint counts_pk primary key (what)
         );
         insert into counts (what, number) values ('ships', 0);",
    ),
];

pub(crate) const HOUSE: House = House { name: "har-bour", migrations: MIGRATIONS, derived: Some("charts") };

/// A row of `ships`, in the order of its columns.
pub(crate) type Ship = [Lite; 8];

/// A ship that has everything.
pub(crate) fn ship(number: u128) -> Ship {
    [
        Lite::Blob(number.to_be_bytes().to_vec()),
        Lite::Text(format!("ship {number}")),
        Lite::Integer(1),
        Lite::Integer(-5),
        Lite::Text("EUR".into()),
        Lite::Text("ahoi".into()),
        Lite::Blob(vec![0, 255]),
        Lite::Null,
    ]
}

/// A folder with places in it, and a server with databases.
pub(crate) struct Harbour {
    pub(crate) folder: TempDir,
    /// Started when it is first asked for.
    server: OnceLock<Postgres>,
    databases: AtomicU32,
}

impl Harbour {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, server: OnceLock::new(), databases: AtomicU32::new(0) }
    }

    fn server(&self) -> &Postgres {
        self.server.get_or_init(|| Postgres::start(Options::default()).expect("PostgreSQL is installed"))
    }

    /// A directory that is not there yet.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The name of a new, empty database.
    pub(crate) fn database(&self) -> String {
        let name = format!("harbour_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("create database {name}"));
        name
    }

    pub(crate) fn postgres(&self, database: &str) -> Source {
        Source::parse(&self.server().url(database)).expect("a URL")
    }

    pub(crate) fn query(&self, database: &str, sql: &str) -> String {
        self.server().query(database, sql).expect("it is valid SQL")
    }

    /// A directory with these ships in it, each at a berth.
    pub(crate) async fn with_ships(&self, name: &str, ships: &[Ship]) -> PathBuf {
        let directory = self.directory(name);
        open(&directory).await.expect("it opens").close().await;
        let file = file(&directory);
        file.execute_batch("begin").expect("nobody else is there");
        for ship in ships {
            let sql = "insert into ships (id, name, afloat, weight, flag, \"order\", papers, sister)
                values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            file.execute(sql, params_from_iter(ship)).expect("it fits");
            let sql = "insert into berths (ship_id, quay, place) values (?1, ?2, ?3)";
            let berth = [ship[0].clone(), ship[1].clone(), Lite::Integer(i64::MIN)];
            file.execute(sql, params_from_iter(berth)).expect("it fits");
        }
        file.execute("update counts set number = ?1", [ships.len() as i64]).expect("it is there");
        file.execute_batch("commit").expect("there is room");
        directory
    }
}

/// The house's file in a directory.
pub(crate) fn file(directory: &Path) -> Connection {
    Connection::open(directory.join("har-bour.db")).expect("it is a database")
}

/// Opens the house as a node does.
pub(crate) async fn open(source: impl Into<Source>) -> Result<Database, shoal_sql::Error> {
    Database::open(Open::new(source, HOUSE.name, MIGRATIONS, Env::system())).await
}

/// Why the house cannot be opened.
pub(crate) async fn refusal(source: impl Into<Source>) -> String {
    open(source).await.expect_err("it is refused").to_string()
}

pub(crate) async fn transfer(from: impl Into<Source>, to: impl Into<Source>) -> Result<Outcome, Error> {
    transfer_seeing(from, to, |_| {}).await
}

/// Moves the house and looks on.
pub(crate) async fn transfer_seeing(
    from: impl Into<Source>,
    to: impl Into<Source>,
    see: impl FnMut(&Progress) + Send + 'static,
) -> Result<Outcome, Error> {
    let plan = Move { from: from.into(), to: to.into(), houses: vec![HOUSE], env: Env::system() };
    plan.run(see).await
}

/// Every row of every table of the house, as its file holds it.
pub(crate) fn contents(directory: &Path) -> Vec<(String, Vec<Lite>)> {
    let file = file(directory);
    let mut all = Vec::new();
    for table in ["berths", "counts", "ships"] {
        let mut statement = file.prepare(&format!("select * from {table}")).expect("it is there");
        let width = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..width).map(|index| row.get(index)).collect();
        let rows = statement.query_map([], row).expect("it is read");
        all.extend(rows.map(|row| (table.to_owned(), row.expect("it is read"))));
    }
    all.sort_by_cached_key(|row| format!("{row:?}"));
    all
}
