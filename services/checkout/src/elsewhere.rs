//! Sagas that another node works on: they are waited for by looking at their log.

use std::sync::Arc;
use std::time::Duration;

use shoal_contract::checkout::Error;
use shoal_types::{Context, Fault};

use crate::error::backoff;
use crate::house::Inner;
use crate::running::Waiting;
use crate::store::Saga;

/// How long before the caller's deadline an unfinished saga is answered as under way.
pub(crate) const MARGIN: Duration = Duration::from_millis(200);
/// The longest pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The shortest, when a lease is about to end.
const SOON: Duration = Duration::from_millis(10);

/// What became of a saga.
pub(crate) enum Elsewhere {
    /// It has ended, or waits for its buyer.
    Stopped(Box<Saga>),
    /// Its owner is gone: it goes on here.
    Here(Waiting),
    /// It still goes on, and the caller's time is up.
    Late,
}

impl Inner {
    /// Waits until a saga stops, wherever it runs. One whose owner's lease is over is taken up.
    pub(crate) async fn elsewhere(self: &Arc<Self>, cx: &Context, saga: &Saga) -> Result<Elsewhere, Error> {
        let mut looks = 0;
        loop {
            let saga = self.find(cx, saga.id).await?.ok_or(Error::UnknownCheckout {})?;
            if saga.done || saga.waits_for_buyer()? {
                return Ok(Elsewhere::Stopped(Box::new(saga)));
            }
            if !saga.is_held_against(self.owner, self.env.now())
                && let Some(waiting) = self.go_on(cx, &saga).await?
            {
                return Ok(Elsewhere::Here(waiting));
            }
            let left = cx.deadline.remaining(&self.env).saturating_sub(MARGIN);
            if left.is_zero() {
                return Ok(Elsewhere::Late);
            }
            // The moment its lease ends, unless it is renewed, it can go on here.
            let held = saga.wake_at().since(self.env.now()).max(SOON);
            tokio::time::sleep(backoff(looks).min(LOOK_EVERY).min(held).min(left)).await;
            looks += 1;
        }
    }

    /// Sees to it that a saga takes notice of what its provider has reported, wherever it runs.
    ///
    /// # Errors
    /// `Unavailable` if it is another's for so long that the provider must report once more.
    pub(crate) async fn tell(self: &Arc<Self>, cx: &Context, saga: &Saga) -> Result<(), Error> {
        loop {
            if self.go_on(cx, saga).await?.is_some() {
                return Ok(());
            }
            match self.elsewhere(cx, saga).await? {
                Elsewhere::Here(_) => return Ok(()),
                Elsewhere::Stopped(saga) if saga.done => return Ok(()),
                // It may have asked the provider before the report.
                Elsewhere::Stopped(_) => cx.deadline.check(&self.env)?,
                Elsewhere::Late => return Err(Fault::Unavailable { what: "the checkout".to_owned() }.into()),
            }
        }
    }
}
