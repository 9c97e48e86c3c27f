//! A shop in which nothing happens does next to nothing.

use std::str::FromStr;
use std::time::Duration;

use shoal_sql::Engine;
use shoal_sql::testing::SERVER;
use shoal_testkit::{Fleet, SOON, Setup, Shop, Topology};
use tokio_postgres::{Config, NoTls};

/// How long nothing happens. Less than a statement a second may be run meanwhile, by all nodes together.
const IDLE: Duration = Duration::from_secs(12);
/// How long nodes are left alone before that: PostgreSQL counts what a connection did last up to ten seconds later.
const SETTLE: Duration = Duration::from_secs(15);

#[tokio::test]
async fn an_idle_shop_runs_less_than_a_statement_a_second() {
    // Sagas left behind are looked for as seldom as in a node.
    let shop = Shop::with(Setup { sweep_every: Duration::from_secs(15), ..Setup::default() }).await;
    let mug = shop.product("mug").stock(1).create().await;
    shop.checkout(&mug, 1).await.expect(201);
    shop.quiet().await;
    let statements = || shop.houses().counters().iter().map(|counters| counters.statements).sum::<u64>();
    let before = statements();
    tokio::time::sleep(IDLE).await;
    let asked = statements() - before;
    // Where nobody else writes only sagas are looked for.
    let most = if shop.engine() == Engine::Sqlite { 1 } else { IDLE.as_secs() - 1 };
    assert!(asked <= most, "{asked} statements in {IDLE:?}");
}

#[tokio::test]
async fn three_idle_nodes_ask_the_database_less_than_once_a_second() {
    if std::env::var_os(SERVER).is_none() {
        println!("not run: equal nodes need PostgreSQL, see CONTRIBUTING.md");
        return;
    }
    let fleet = Fleet::start(Topology::Equal(3)).await;
    fleet.audit(SOON).await;
    tokio::time::sleep(SETTLE).await;
    let before = transactions(fleet.data()).await;
    tokio::time::sleep(IDLE).await;
    let asked = transactions(fleet.data()).await - before;
    println!("{asked} transactions of three idle nodes in {IDLE:?}");
    assert!(asked < IDLE.as_secs() as i64, "{asked} transactions in {IDLE:?}");
}

/// Transactions of the database at this URL so far; a statement alone is one too. Asked from another database, so as not
/// to count itself.
async fn transactions(url: &str) -> i64 {
    let mut config = Config::from_str(url).expect("a URL");
    let name = config.get_dbname().expect("it names a database").to_owned();
    let (client, connection) = config.dbname("postgres").connect(NoTls).await.expect("the database answers");
    // It ends with its client.
    tokio::spawn(connection);
    let text = "select xact_commit + xact_rollback from pg_stat_database where datname = $1";
    client.query_one(text, &[&name]).await.expect("it counts").get(0)
}
