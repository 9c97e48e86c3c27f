//! The floors leave the rows that a checkout of Shoal leaves, column for column, on a real server.

use std::sync::Arc;
use std::time::Duration;

use shoal_servers::{Options, Postgres};

use super::*;
use crate::books;
use crate::command::Plan;
use crate::ground::{Ground, Server, connect};
use crate::load::{self, Work};
use crate::scenario::checkout::Buyer;
use crate::shop::{Shop, line, purchase};

/// The tables that a checkout writes to.
const TABLES: [&str; 6] = [
    "checkout.sagas",
    "products.holds",
    "orders.orders",
    "orders.order_lines",
    "orders.order_events",
    "test_provider.payments",
];
/// Columns whose values say what has become of a row.
const STATES: [(&str, &str); 5] = [
    ("checkout.sagas", "stage"),
    ("products.holds", "state"),
    ("orders.orders", "status"),
    ("orders.order_events", "kind || published"),
    ("test_provider.payments", "status"),
];

struct Trade {
    shop: Shop,
    variant: Uuid,
    _server: Postgres,
}

impl Trade {
    async fn open() -> anyhow::Result<Self> {
        let server = Postgres::start(Options::default())?;
        let ground = Ground::Postgres(Server::reach(&server.url("postgres")).await?);
        let time = Duration::ZERO;
        let plan = Plan { time, clients: 1, rounds: 1, rate: None, ground, baskets: None, parts: Vec::new() };
        let shop = Shop::open(&plan).await?;
        let variant = shop.product("MUG", 100).await?.variants[0].id.uuid();
        Ok(Self { shop, variant, _server: server })
    }

    fn url(&self) -> anyhow::Result<&str> {
        Ok(self.shop.plot().database()?.url())
    }

    /// Buys one piece; what it leaves in each table: rows, filled columns of them, states.
    async fn leaves<W: Work>(&self, mut buyer: W) -> anyhow::Result<Vec<String>> {
        let database = self.shop.plot().database()?;
        books::settle(database).await?;
        let client = connect(database.url()).await?;
        // A relay may hold rows while it marks them: what is settled is not locked any more.
        let tables = TABLES.join(", ");
        client.batch_execute(&format!("truncate {tables}")).await?;
        anyhow::ensure!(buyer.once(0).await == load::Ended::Done, "nothing was bought");
        books::settle(database).await?;
        let mut left = Vec::new();
        for table in TABLES {
            let filled = format!(
                "select count(*) || ' rows, filled: ' || coalesce(string_agg(name, ' ' order by name), '')
                from {table} as t, lateral (select key as name from json_each_text(row_to_json(t))
                where value is not null) as filled"
            );
            left.push(format!("{table}: {}", client.query_one(&filled, &[]).await?.get::<_, String>(0)));
        }
        for (table, state) in STATES {
            let states =
                format!("select string_agg(({state})::text, ' ' order by ({state})::text) from {table}");
            left.push(format!("{table}: {}", client.query_one(&states, &[]).await?.get::<_, String>(0)));
        }
        Ok(left)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_floors_leave_the_rows_of_a_checkout() -> anyhow::Result<()> {
    let trade = Trade::open().await?;
    let (env, shelves) = (trade.shop.env.clone(), Arc::new(vec![trade.variant]));
    let asked = Arc::default();
    let carrier = Carrier::start(trade.url()?, &asked).await?;
    let told = || (&asked, carrier.bell());
    let naive = Naive::open(trade.url()?, Deed::Checkout, Arc::clone(&shelves), &env, told()).await?;
    let batched = Batched::open(trade.url()?, Deed::Checkout, shelves, &env, told()).await?;
    let baskets = Arc::new(vec![purchase(vec![line("MUG", 1)])]);
    let ours = trade.leaves(Buyer::of(&trade.shop, baskets)).await?;
    assert_eq!(trade.leaves(naive).await?, ours);
    assert_eq!(trade.leaves(batched).await?, ours);
    drop(carrier);
    drop(trade.shop.close().await);
    Ok(())
}
