//! Carts that were left with goods in them. Each is found once for each time it was touched, by one walk over the carts in
//! the order in which they were touched, which all nodes share.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shoal_contract::events::{CartAbandoned, CartPieces, kinds};
use shoal_contract::orders::{CartId, CartStatus, Error as Told};
use shoal_queue::Outgoing;
use shoal_sql::Tx;
use shoal_types::{Context, Timestamp};

use crate::error::Error;
use crate::house::{Inner, Orders};
use crate::model::cart::Line;
use crate::store::carts::{self, CartRow};
use crate::store::jobs;

/// Its name among the jobs.
const JOB: &str = "abandoned_carts";
/// Carts looked at in one transaction, so that no other write waits long.
const BATCH: u32 = 200;
/// How often it is looked for them.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);
/// How long a look may take.
const LOOK_WITHIN: Duration = Duration::from_secs(60);

/// The last cart that was looked at: when it was touched, and which.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Place {
    touched: Timestamp,
    cart: CartId,
}

impl Place {
    /// After all carts touched at `touched`.
    fn after(touched: Timestamp) -> Self {
        Self { touched, cart: CartId::from_digest([u8::MAX; 16]) }
    }

    fn of(cart: &CartRow) -> Self {
        Self { touched: cart.updated_at, cart: cart.id }
    }
}

/// What a step has done.
enum Step {
    /// So many were abandoned; there may be more to look at.
    More(u64),
    /// So many were abandoned; all are looked at.
    Last(u64),
}

impl Orders {
    /// Marks carts as abandoned that nobody touched for long, says so, and gives how many. To be run now and then, by any
    /// node; twice at once is safe. The first time it only notes from when on carts are looked at, so that nobody hears of
    /// carts that were old when this began.
    ///
    /// # Errors
    /// What the engine answers; what was found so far stays found.
    pub async fn find_abandoned_carts(&self, cx: &Context) -> Result<u64, Told> {
        Ok(self.inner.find_abandoned_carts(cx).await?)
    }
}

impl Inner {
    /// Looks for abandoned carts every few minutes.
    pub(super) async fn watch_carts(&self) {
        if self.options.abandoned_after.is_zero() {
            return;
        }
        loop {
            let cx = Context::system(&self.env, LOOK_WITHIN);
            if let Err(error) = self.find_abandoned_carts(&cx).await.map_err(Told::from) {
                tracing::warn!(%error, "abandoned carts could not be looked for; the next look goes on");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn find_abandoned_carts(&self, cx: &Context) -> Result<u64, Error> {
        let mut abandoned = 0;
        loop {
            match self.abandon_next(cx).await {
                Ok(Step::More(found)) => abandoned += found,
                Ok(Step::Last(found)) => return Ok(abandoned + found),
                // Another node walks.
                Err(Error::Raced) => return Ok(abandoned),
                Err(error) => return Err(error),
            }
        }
    }

    async fn abandon_next(&self, cx: &Context) -> Result<Step, Error> {
        let now = self.env.now();
        let until = now.minus(self.options.abandoned_after);
        let (place, idle) = self
            .db
            .read(cx, async move |tx| {
                let place = jobs::find::<Place>(tx, JOB).await?;
                let idle = match &place {
                    Some((from, _)) => carts::list_idle(tx, until, (from.touched, from.cart), BATCH).await?,
                    None => Vec::new(),
                };
                Ok::<_, shoal_sql::Error>((place, idle))
            })
            .await?;
        let full = idle.len() as u64 == u64::from(BATCH);
        let next = match (&place, idle.last()) {
            (None, _) => Place::after(until),
            (Some(_), None) => return Ok(Step::Last(0)),
            (Some(_), Some(last)) if full => Place::of(last),
            (Some(_), Some(_)) => Place::after(until),
        };
        let version = place.map(|(_, version)| version);
        let left: Vec<CartRow> = idle.into_iter().filter(is_abandoned).collect();
        let env = self.env.clone();
        let body = async move |tx: &mut Tx| {
            if !jobs::save(tx, JOB, &next, version).await? {
                return Err(Error::Raced);
            }
            let marked = carts::abandon(tx, &left, now).await?;
            let told: Vec<_> = left.iter().filter(|cart| marked.contains(&cart.id)).map(told_of).collect();
            if !told.is_empty() {
                shoal_queue::append_all(tx, &told, &env).await?;
            }
            Ok(told.len() as u64)
        };
        let abandoned = self.db.write(cx, body).await?;
        Ok(if full { Step::More(abandoned) } else { Step::Last(abandoned) })
    }
}

/// Whether a cart that nobody touched for long could still be bought, and there is somebody to remind of it.
fn is_abandoned(cart: &CartRow) -> bool {
    let somebody = cart.customer.is_some() || cart.contents.email.is_some();
    cart.status == CartStatus::Open && !cart.contents.lines.is_empty() && somebody
}

/// What is said of it. Who may know the e-mail asks the house.
fn told_of(cart: &CartRow) -> Outgoing<CartAbandoned> {
    let pieces = |line: &Line| CartPieces { sku: line.sku.clone(), quantity: line.quantity };
    let data = CartAbandoned {
        customer: cart.customer,
        currency: cart.currency,
        lines: cart.contents.lines.iter().map(pieces).collect(),
        left_at: cart.updated_at,
    };
    Outgoing::new(kinds::CART_ABANDONED, cart.id, cart.version, data)
}
