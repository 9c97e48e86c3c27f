use std::sync::{Arc, Mutex, PoisonError};

use shoal_types::Env;
use tokio::sync::{Notify, Semaphore};
use uuid::Uuid;

use super::session::{Asked, Session, Step};
use super::texts::one::*;
use super::texts::{self, DATA, DOCUMENT, INPUT};
use super::{Deed, Sale};
use crate::load::{Ended, Work};

/// Connections that the buyers share, as many as a pool usually has.
const CONNECTIONS: usize = 32;

/// Buys the way it is written by hand: each operation of a house is a transaction of its own on a pooled connection,
/// and each of its statements waits for the answer to the one before.
#[derive(Clone)]
pub(crate) struct Naive {
    pool: Arc<Pool>,
    env: Env,
    deed: Deed,
    shelves: Arc<Vec<Uuid>>,
    committed: Arc<Notify>,
}

struct Pool {
    permits: Semaphore,
    idle: Mutex<Vec<Session>>,
}

impl Pool {
    async fn open(url: &str, asked: &Arc<Asked>) -> anyhow::Result<Self> {
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS {
            idle.push(Session::open(url, texts::one::ALL, asked).await?);
        }
        Ok(Self { permits: Semaphore::new(CONNECTIONS), idle: Mutex::new(idle) })
    }

    /// A transaction on a connection that is free.
    async fn transact(&self, steps: &[Step<'_>]) -> anyhow::Result<()> {
        let _permit = self.permits.acquire().await?;
        let session = self.lend()?;
        let result = session.one_by_one(steps).await;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        result
    }

    async fn look(&self, step: &Step<'_>) -> anyhow::Result<()> {
        let _permit = self.permits.acquire().await?;
        let session = self.lend()?;
        let result = session.run(step).await;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        result
    }

    fn lend(&self) -> anyhow::Result<Session> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.ok_or_else(|| anyhow::anyhow!("a connection was lost"))
    }
}

impl Naive {
    /// A buyer of one piece of each of `shelves` in turn. To be cloned: all share the connections.
    pub(crate) async fn open(
        url: &str,
        deed: Deed,
        shelves: Arc<Vec<Uuid>>,
        env: &Env,
        (asked, committed): (&Arc<Asked>, Arc<Notify>),
    ) -> anyhow::Result<Self> {
        let pool = Arc::new(Pool::open(url, asked).await?);
        Ok(Self { pool, env: env.clone(), deed, shelves, committed })
    }

    async fn reserve(&self, sale: &Sale) -> anyhow::Result<()> {
        let until = sale.expires_at();
        let hold = Step::one(HOLD, [&sale.id as _, &sale.variant as _, &until as _, &sale.at as _]);
        self.pool.transact(&[hold, Step::one(TAKE, [&sale.variant as _])]).await
    }

    async fn buy(&self, sale: &Sale) -> anyhow::Result<()> {
        let (wake_at, at) = (sale.wake_at(), sale.at);
        let begin = [&sale.claim as _, &sale.id as _, &sale.hash as _, &wake_at as _, &INPUT as _, &at as _];
        self.pool.transact(&[Step::one(BEGIN_SAGA, begin)]).await?;
        self.reserve(sale).await?;
        self.log(sale, "\"authorising\"", Some(DOCUMENT)).await?;
        let payment = &sale.payment;
        self.pool.transact(&[Step::one(AUTHORISE, [payment as _, &at as _])]).await?;
        self.order(sale).await?;
        let settle = Step::one(SETTLE, [&sale.id as _, &at as _]);
        self.pool.transact(&[settle, Step::one(SELL, [&sale.variant as _])]).await?;
        self.log(sale, "\"capturing\"", None).await?;
        self.pool.look(&Step::one(FIND_PAYMENT, [payment as _])).await?;
        self.pool.transact(&[Step::one(CAPTURE, [payment as _])]).await?;
        self.pay(sale).await?;
        self.pool.transact(&[Step::one(FINISH, [&sale.claim as _, &at as _])]).await
    }

    async fn log(&self, sale: &Sale, stage: &str, quote: Option<&str>) -> anyhow::Result<()> {
        let (wake_at, at) = (sale.wake_at(), sale.at);
        let log = [&sale.claim as _, &stage as _, &quote as _, &wake_at as _, &at as _];
        self.pool.transact(&[Step::one(LOG, log)]).await
    }

    async fn order(&self, sale: &Sale) -> anyhow::Result<()> {
        let order = [&sale.id as _, &sale.number as _, &sale.hash as _, &DOCUMENT as _, &sale.at as _];
        let message = format!("order {} was placed", sale.number);
        let event = [
            &sale.id as _,
            &1_i64 as _,
            &sale.placed as _,
            &"order.placed" as _,
            &message as _,
            &DATA as _,
            &sale.at as _,
        ];
        let steps = [Step::one(ORDER, order), Step::one(LINE, [&sale.id as _]), Step::one(EVENT, event)];
        self.pool.transact(&steps).await?;
        self.committed.notify_one();
        Ok(())
    }

    async fn pay(&self, sale: &Sale) -> anyhow::Result<()> {
        let event = [
            &sale.id as _,
            &2_i64 as _,
            &sale.paid as _,
            &"order.paid" as _,
            &"19.99 EUR were paid" as _,
            &DATA as _,
            &sale.at as _,
        ];
        let pay = [&sale.id as _, &sale.payment as _, &sale.at as _];
        self.pool.transact(&[Step::one(PAY, pay), Step::one(EVENT, event)]).await?;
        self.committed.notify_one();
        Ok(())
    }
}

impl Work for Naive {
    async fn once(&mut self, number: u64) -> Ended {
        let sale = Sale::new(&self.env, self.shelves[number as usize % self.shelves.len()]);
        let done = match self.deed {
            Deed::Checkout => self.buy(&sale).await,
            Deed::Reservation => self.reserve(&sale).await,
        };
        match done {
            Ok(()) => Ended::Done,
            Err(error) => {
                eprintln!("the naive way failed: {error:#}");
                Ended::Failed
            }
        }
    }
}
