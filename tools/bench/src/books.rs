//! What the tables of a shop say, asked by SQL and not by Shoal.

use std::time::Duration;

use anyhow::{bail, ensure};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::ground::{Database, connect};

/// How long the relay may take for what is left after a load.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);

/// Waits until every event was carried, so that one load's work is not done during the next.
///
/// # Errors
/// If that takes more than a minute.
pub(crate) async fn settle(database: &Database) -> anyhow::Result<()> {
    let client = connect(database.url()).await?;
    let waiting = async || -> anyhow::Result<bool> {
        let any = "select exists (select 1 from orders.order_events where published = 0)
            or exists (select 1 from products.outbox where published = 0)";
        Ok(client.query_one(any, &[]).await?.try_get(0)?)
    };
    let settled = async {
        while waiting().await? {
            tokio::time::sleep(PAUSE).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(SETTLED_WITHIN, settled).await {
        Ok(settled) => settled,
        Err(_) => bail!("events still wait to be carried after {SETTLED_WITHIN:?}"),
    }
}

/// A shelf as the tables have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shelf {
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
    /// Pieces of holds that are open.
    pub(crate) held: i64,
    /// Pieces of holds that became sales.
    pub(crate) sold: i64,
}

impl Shelf {
    /// Reads it from the stock and from the holds.
    pub(crate) async fn read(client: &Client, variant: Uuid) -> anyhow::Result<Self> {
        let row = client
            .query_one(
                "select s.on_hand, s.reserved,
                    coalesce(sum(h.quantity) filter (where h.state = 'held'), 0)::bigint,
                    coalesce(sum(h.quantity) filter (where h.state = 'confirmed'), 0)::bigint
                from products.stock as s left join products.holds as h on h.variant_id = s.variant_id
                where s.variant_id = $1 group by s.on_hand, s.reserved",
                &[&variant],
            )
            .await?;
        let [on_hand, reserved, held, sold] = [0, 1, 2, 3].map(|column| row.try_get::<_, i64>(column));
        Ok(Self { on_hand: on_hand?, reserved: reserved?, held: held?, sold: sold? })
    }

    /// Whether every piece of the `first` ones is where the tables say, none twice.
    ///
    /// # Errors
    /// Says what does not add up.
    pub(crate) fn check(self, first: i64) -> anyhow::Result<()> {
        let Self { on_hand, reserved, held, sold } = self;
        ensure!(on_hand >= reserved && reserved >= 0, "more is reserved than there is: {self:?}");
        ensure!(reserved == held, "the holds are not what is reserved: {self:?}");
        ensure!(on_hand + sold == first, "of {first} pieces some are sold twice or lost: {self:?}");
        Ok(())
    }
}

/// Pieces of a SKU in paid orders.
pub(crate) async fn ordered(client: &Client, sku: &str) -> anyhow::Result<i64> {
    // The lines of an order are in its document, which houses read as JSON; here the server may.
    let row = client
        .query_one(
            "select coalesce(sum((line ->> 'quantity')::bigint), 0)::bigint from orders.orders as o,
                json_array_elements(o.document::json -> 'lines') as line
            where o.status = 'paid' and line ->> 'sku' = $1",
            &[&sku],
        )
        .await?;
    Ok(row.try_get(0)?)
}
