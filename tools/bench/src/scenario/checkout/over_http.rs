use anyhow::ensure;
use bytes::Bytes;

use crate::command::Plan;
use crate::http::{Connection, Served, post};
use crate::load::{self, Ended, Work};
use crate::report::Report;
use crate::shop::{Shop, line, purchase};
use crate::usage::CpuMeter;

/// A client that buys again and again, over HTTP.
struct HttpBuyer {
    connection: Connection,
    key: u64,
    body: Bytes,
}

impl Work for HttpBuyer {
    async fn once(&mut self, number: u64) -> Ended {
        let key = format!("{:x}-{number}", self.key);
        let answer = match post("/v1/checkouts", &key, self.body.clone()) {
            Ok(request) => self.connection.send(request).await,
            Err(error) => Err(error),
        };
        match answer {
            Ok((201, _)) => Ended::Done,
            _ => Ended::Failed,
        }
    }
}

/// Closes the shop and buys `sku` of a node that serves its data.
pub(super) async fn run(plan: &Plan, shop: Shop, sku: &str, report: &mut Report) -> anyhow::Result<()> {
    let body = Bytes::from(serde_json::to_vec(&purchase(vec![line(sku, 1)]))?);
    let mut random = [0_u8; 8];
    shop.env.rng().fill(&mut random);
    let plot = shop.close().await;
    let served = Served::shop(&plot).await?;
    let mut clients = Vec::new();
    for index in 0..u64::from(plan.clients) {
        let connection = Connection::open(served.address).await?;
        clients.push(HttpBuyer { connection, key: u64::from_le_bytes(random) ^ index, body: body.clone() });
    }
    let meter = CpuMeter::start(served.pid());
    let measured = load::closed(clients, plan.time).await?;
    ensure!(measured.failed == 0, "{} checkouts over HTTP failed", measured.failed);
    report.measured("checkout", "over HTTP, another process", &measured);
    report.add("checkout", "CPU of the server a checkout", meter.us_each(measured.done), "us");
    served.stop().await
}
