//! Plans that were made for a table of another size.

use shoal_servers::{Options as Wanted, Postgres};

use super::{SOON, ask, database, feed, open, soon, start, within};

/// How often the table was read whole, and how often by an index.
fn scans(server: &Postgres, url: &str) -> (u64, u64) {
    let sql = "select seq_scan || ' ' || idx_scan from pg_stat_user_tables where relname = 'fish'";
    let told = ask(server, url, sql);
    let (whole, by_index) = told.split_once(' ').expect("two numbers");
    (whole.parse().expect("a number"), by_index.parse().expect("a number"))
}

/// The statistics of a new shop say that its tables are empty, and prepared statements keep their plans.
#[tokio::test]
async fn a_statement_planned_for_an_empty_table_takes_the_index_when_it_has_grown() {
    let Some(server) = start(Wanted::default()) else { return };
    let url = database(&server);
    let db = open(&url).await;
    ask(&server, &url, "alter table fish set (autovacuum_enabled = off); analyze fish");
    ask(&server, &url, "insert into fish select id, 'fish ' || id, 0 from generate_series(1, 3) as id");
    let before = scans(&server, &url);
    // More often than a plan is made for the parameters at hand.
    for _ in 0..10 {
        assert_eq!(feed(&db, &within(SOON), 1).await, Ok(1));
    }
    ask(&server, &url, "insert into fish select id, 'fish ' || id, 0 from generate_series(4, 20000) as id");
    for id in 101..=110 {
        assert_eq!(feed(&db, &within(SOON), id).await, Ok(1));
    }
    // Scans are counted when a connection ends, if not before.
    db.close().await;
    soon("they have been counted", async || scans(&server, &url).1 >= before.1 + 20).await;
    assert_eq!(scans(&server, &url).0, before.0);
}
