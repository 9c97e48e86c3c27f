use std::collections::BTreeMap;
use std::sync::Arc;

use shoal_types::Env;
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use super::session::{Asked, Session, Step};
use super::texts::many::*;
use super::texts::{self, DATA, DOCUMENT, INPUT};
use super::{Deed, Sale};
use crate::load::{Ended, Work};

/// Writers at the same time, each with its share of the shelves, so that none waits for a row of another's.
const LANES: usize = 2;
/// Sales in a transaction, at most: as many as Shoal's writer takes.
const GROUP_MAX: usize = 512;

/// The bare writer: the rows of all who wait go out in one flight and are committed in one transaction, each statement
/// once with a row for each of them.
#[derive(Clone)]
pub(crate) struct Batched {
    lanes: Vec<mpsc::Sender<Job>>,
    env: Env,
    shelves: Arc<Vec<Uuid>>,
}

struct Job {
    sale: Sale,
    reply: oneshot::Sender<bool>,
}

impl Batched {
    /// A buyer of one piece of each of `shelves` in turn. To be cloned: all share the writers.
    pub(crate) async fn open(
        url: &str,
        deed: Deed,
        shelves: Arc<Vec<Uuid>>,
        env: &Env,
        (asked, committed): (&Arc<Asked>, Arc<Notify>),
    ) -> anyhow::Result<Self> {
        let mut lanes = Vec::new();
        for _ in 0..LANES.min(shelves.len()) {
            let session = Session::open(url, texts::many::ALL, asked).await?;
            // The tables are empty when the plans are made, and would be read whole for ever after.
            session.client.batch_execute("set enable_seqscan = off").await?;
            let (sender, jobs) = mpsc::channel(4_096);
            tokio::spawn(write(session, deed, jobs, Arc::clone(&committed)));
            lanes.push(sender);
        }
        Ok(Self { lanes, env: env.clone(), shelves })
    }
}

impl Work for Batched {
    async fn once(&mut self, number: u64) -> Ended {
        let shelf = number as usize % self.shelves.len();
        let (reply, answer) = oneshot::channel();
        let sale = Sale::new(&self.env, self.shelves[shelf]);
        match self.lanes[shelf % self.lanes.len()].try_send(Job { sale, reply }) {
            Ok(()) if answer.await.unwrap_or(false) => Ended::Done,
            _ => Ended::Failed,
        }
    }
}

async fn write(session: Session, deed: Deed, mut jobs: mpsc::Receiver<Job>, committed: Arc<Notify>) {
    let mut group = Vec::new();
    while jobs.recv_many(&mut group, GROUP_MAX).await > 0 {
        let (sales, replies): (Vec<Sale>, Vec<_>) = group.drain(..).map(|job| (job.sale, job.reply)).unzip();
        let done = match deed {
            Deed::Checkout => buy(&session, &sales).await,
            Deed::Reservation => reserve(&session, &sales).await,
        };
        if let Err(error) = &done {
            eprintln!("the batched writer failed: {error:#}");
        }
        committed.notify_one();
        for reply in replies {
            // Whoever went away needs no answer.
            let _ = reply.send(done.is_ok());
        }
    }
}

/// A column of all sales.
fn column<'s, T: 's>(sales: &'s [Sale], of: impl Fn(&'s Sale) -> T) -> Vec<T> {
    sales.iter().map(of).collect()
}

/// How many pieces of each variant, in order of their ids.
fn demand(sales: &[Sale]) -> (Vec<Uuid>, Vec<i64>) {
    let mut demand = BTreeMap::new();
    for sale in sales {
        *demand.entry(sale.variant).or_insert(0_i64) += 1;
    }
    demand.into_iter().unzip()
}

async fn reserve(session: &Session, sales: &[Sale]) -> anyhow::Result<()> {
    let (ids, variants) = (column(sales, |sale| sale.id), column(sales, |sale| sale.variant));
    let (untils, ats) = (column(sales, Sale::expires_at), column(sales, |sale| sale.at));
    let (shelves, pieces) = demand(sales);
    session
        .at_once(&[
            Step { text: HOLD, params: vec![&ids, &variants, &untils, &ats], rows: ids.len() as u64 },
            Step { text: TAKE, params: vec![&shelves, &pieces], rows: shelves.len() as u64 },
        ])
        .await
}

async fn buy(session: &Session, sales: &[Sale]) -> anyhow::Result<()> {
    let (ids, claims) = (column(sales, |sale| sale.id), column(sales, |sale| sale.claim));
    let (variants, hashes) = (column(sales, |sale| sale.variant), column(sales, |sale| &sale.hash[..]));
    let (untils, ats) = (column(sales, Sale::expires_at), column(sales, |sale| sale.at));
    let (numbers, payments) = (column(sales, |sale| &*sale.number), column(sales, |sale| &*sale.payment));
    let (placed, paid) = (column(sales, |sale| sale.placed), column(sales, |sale| sale.paid));
    let (shelves, pieces) = demand(sales);
    let (none, rows) = (None::<&str>, ids.len() as u64);
    let of_each = |text, params| Step { text, params, rows };
    let of_shelves = |text| Step { text, params: vec![&shelves, &pieces], rows: shelves.len() as u64 };
    session
        .at_once(&[
            of_each(BEGIN_SAGAS, vec![&claims, &ids, &hashes, &ats, &INPUT]),
            of_each(HOLD, vec![&ids, &variants, &untils, &ats]),
            of_shelves(TAKE),
            of_each(LOG, vec![&claims, &ats, &"\"authorising\"", &Some(DOCUMENT)]),
            of_each(AUTHORISE, vec![&payments, &ats]),
            of_each(ORDER, vec![&ids, &numbers, &hashes, &ats, &DOCUMENT]),
            of_each(LINE, vec![&ids]),
            of_each(
                EVENT,
                vec![
                    &ids,
                    &placed,
                    &ats,
                    &1_i64,
                    &"order.placed",
                    &"order S-7K2M-9QXD-4T1B was placed",
                    &DATA,
                ],
            ),
            of_each(SETTLE, vec![&ids, &ats]),
            of_shelves(SELL),
            of_each(LOG, vec![&claims, &ats, &"\"capturing\"", &none]),
            of_each(CAPTURE, vec![&payments]),
            of_each(PAY, vec![&ids, &payments, &ats]),
            of_each(EVENT, vec![&ids, &paid, &ats, &2_i64, &"order.paid", &"19.99 EUR were paid", &DATA]),
            of_each(FINISH, vec![&claims, &ats]),
        ])
        .await
}
