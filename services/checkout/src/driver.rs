//! Runs sagas: one task each, whoever waits; the log fenced by the epoch; what is away is tried again later.

use std::sync::Arc;
use std::time::Duration;

use shoal_contract::checkout::{CheckoutId, Error, order_of};
use shoal_contract::orders::OrderRef;
use shoal_types::{Context, Deadline, Fault, Timestamp};
use uuid::Uuid;

use crate::error::{Trouble, backoff};
use crate::events;
use crate::hold::Hold;
use crate::house::Inner;
use crate::running::{Stop, Turn};
use crate::saga::{self, Action, Outcome, Stage, Step, Undo};
use crate::steps::Purchase;
use crate::store::{self, Kind, Lease, Saga};

/// How long a single call of a saga may take.
const CALL: Duration = Duration::from_secs(20);
/// Tries before an unclear step is undone, where that is still possible, or left for later.
const TRIES: u32 = 5;

impl Inner {
    /// Runs `saga` on a task of its own, for the request of `cx` or the job that found it.
    pub(crate) fn start(self: &Arc<Self>, cx: &Context, turn: Turn, saga: Saga, resumed: bool) {
        self.begun.notify_one();
        let (house, cx) = (Arc::clone(self), cx.own_work(&self.env, CALL));
        tokio::spawn(async move {
            let id = saga.id;
            let stop = house.run(&cx, saga, resumed).await;
            let mut ended = turn.end(stop);
            while let Some(turn) = ended {
                ended = turn.end(house.look_again(id).await);
            }
        });
    }

    /// Goes on with a saga that stopped to wait for its buyer.
    async fn look_again(&self, id: CheckoutId) -> Stop {
        let cx = Context::system(&self.env, CALL);
        let found = self.find(&cx, id).await.ok().flatten().filter(|saga| !saga.done);
        let Some(saga) = found else { return Stop::Stalled };
        // While it waited it was nobody's.
        match self.claim(&cx, saga).await {
            Ok(Some(saga)) => self.run(&cx, saga, true).await,
            Ok(None) | Err(_) => Stop::Stalled,
        }
    }

    async fn run(&self, cx: &Context, saga: Saga, resumed: bool) -> Stop {
        let id = saga.id;
        let stop = match saga.kind {
            Kind::Purchase => self.purchase(cx, saga, resumed).await,
            Kind::Cancellation | Kind::TakeBack | Kind::Refund => self.aftercare(cx, saga).await,
        };
        stop.unwrap_or_else(|fault| {
            tracing::warn!(saga = %id, %fault, "a saga is left for later");
            Stop::Stalled
        })
    }

    async fn purchase(&self, cx: &Context, saga: Saga, resumed: bool) -> Result<Stop, Fault> {
        let mut stage: Stage = saga.stage()?;
        let mut purchase =
            Purchase { id: saga.id, input: saga.input()?, quote: saga.quote.clone(), order: None, resumed };
        let mut action = saga::resume(&stage);
        let mut tries = 0;
        let mut hold = Hold::new(self, &saga, cx);
        loop {
            action = match action {
                Action::Do(step) => match self.held(&mut hold, &stage, step, &mut purchase).await? {
                    Ok(Outcome::Pending { .. }) if self.is_overdue(saga.created_at) => {
                        saga::after(&stage, step, Outcome::Refused(Error::PaymentTimedOut {}))
                    }
                    Ok(outcome) => {
                        tries = 0;
                        saga::after(&stage, step, outcome)
                    }
                    Err(Trouble::Refused(error)) => saga::after(&stage, step, Outcome::Refused(error)),
                    Err(Trouble::Unclear(error)) => {
                        tries += 1;
                        purchase.resumed = true;
                        match after_unclear(step, tries, error) {
                            Unclear::Retry => {
                                tokio::time::sleep(backoff(tries)).await;
                                Action::Do(step)
                            }
                            Unclear::Abandon(error) => saga::after(&stage, step, Outcome::Abandoned(error)),
                            Unclear::Leave => return Ok(Stop::Stalled),
                        }
                    }
                },
                Action::Undo(undo) => match self.held_undo(&mut hold, &stage, undo, &purchase).await? {
                    Ok(()) => saga::after_undo(&stage, undo),
                    Err(_) if tries >= TRIES => return Ok(Stop::Stalled),
                    Err(_) => {
                        tries += 1;
                        tokio::time::sleep(backoff(tries)).await;
                        Action::Undo(undo)
                    }
                },
                Action::Log(next) => {
                    hold.renewed(self.log(&saga, &next, &purchase).await?);
                    stage = next;
                    tries = 0;
                    match stage {
                        Stage::Awaiting { .. } => Action::Stop,
                        _ => saga::resume(&stage),
                    }
                }
                // What it waits for is known already, but from here on it is nobody's again.
                Action::Wait => Action::Log(stage.clone()),
                Action::Stop => return self.stopped(stage, &mut purchase).await,
            };
        }
    }

    /// Runs a step, while the saga is this node's.
    async fn held(
        &self,
        hold: &mut Hold<'_>,
        stage: &Stage,
        step: Step,
        purchase: &mut Purchase,
    ) -> Result<Result<Outcome, Trouble>, Fault> {
        let within_lease = hold.deadline(stage, CALL).await?;
        let late = Deadline::after(&self.env, CALL);
        let cx = hold.context(if step.ends_with_lease() { within_lease } else { late });
        hold.through(stage, self.perform(&cx, step, purchase)).await
    }

    /// Undoes a step, while the saga is this node's.
    async fn held_undo(
        &self,
        hold: &mut Hold<'_>,
        stage: &Stage,
        undo: Undo,
        purchase: &Purchase,
    ) -> Result<Result<(), Trouble>, Fault> {
        hold.deadline(stage, CALL).await?;
        let cx = hold.context(Deadline::after(&self.env, CALL));
        hold.through(stage, self.undo(&cx, undo, purchase)).await
    }

    /// Writes the stage, and gives until when the saga is this node's. Fails if another node has taken it over: then
    /// this one must stop.
    async fn log(&self, saga: &Saga, stage: &Stage, purchase: &Purchase) -> Result<Timestamp, Fault> {
        let (handle, text) = (saga.handle(), store::text(stage)?);
        let cx = &Context::system(&self.env, CALL);
        let now = self.env.now();
        let lease = self.lease(saga, stage, now);
        let written = match stage {
            Stage::Completed | Stage::Failed { .. } => {
                let failed = events::failed(saga, stage, purchase.quote.as_deref());
                let env = self.env.clone();
                let finish = async move |tx: &mut shoal_sql::Tx| {
                    let written = store::finish(tx, handle, &text, now).await?;
                    if let (true, Some(event)) = (written, &failed) {
                        shoal_queue::append(tx, event, &env).await?;
                    }
                    Ok::<_, shoal_sql::Error>(written)
                };
                self.db.write_grouped(cx, finish).await
            }
            _ => {
                let quote = match stage {
                    Stage::Authorising => purchase.quote.as_ref().map(store::text).transpose()?,
                    _ => None,
                };
                let log = async move |tx: &mut shoal_sql::Tx| {
                    store::log(tx, handle, &text, quote.as_deref(), lease, now).await
                };
                self.db.write_grouped(cx, log).await
            }
        };
        match written {
            Ok(true) => Ok(lease.wake_at),
            Ok(false) => {
                tracing::info!(checkout = %purchase.id, "another node has taken the saga over");
                Err(Fault::Unavailable { what: "the saga".to_owned() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whose the saga is at a stage. While it waits for its buyer it is nobody's: whichever node hears of the payment
    /// goes on with it.
    fn lease(&self, saga: &Saga, stage: &Stage, now: Timestamp) -> Lease {
        match stage {
            Stage::Awaiting { .. } => {
                Lease { owner: Uuid::nil(), wake_at: saga.created_at.plus(self.options.confirm_within) }
            }
            _ => Lease { owner: self.owner, wake_at: now.plus(self.options.lease) },
        }
    }

    /// Whether a buyer who has not confirmed the payment by now has had their time.
    fn is_overdue(&self, created_at: Timestamp) -> bool {
        self.env.now() >= created_at.plus(self.options.confirm_within)
    }

    async fn stopped(&self, stage: Stage, purchase: &mut Purchase) -> Result<Stop, Fault> {
        let cx = &Context::system(&self.env, CALL);
        Ok(match stage {
            Stage::Awaiting { redirect_url } => Stop::Awaiting { redirect_url },
            Stage::Failed { error } => Stop::Failed(error),
            Stage::Completed => {
                let order = match purchase.order.take() {
                    Some(order) => order,
                    None => {
                        let order = OrderRef { order: order_of(purchase.id), token: None };
                        self.orders.get_order(cx, order).await.map_err(|error| {
                            tracing::warn!(checkout = %purchase.id, %error, "a completed checkout's order cannot be read");
                            Fault::Unavailable { what: "the order service".to_owned() }
                        })?
                    }
                };
                Stop::Ordered(Arc::new(order))
            }
            _ => Stop::Stalled,
        })
    }
}

/// What to do after a step that may or may not have happened.
enum Unclear {
    Retry,
    Abandon(Error),
    Leave,
}

fn after_unclear(step: Step, tries: u32, error: Error) -> Unclear {
    match step {
        _ if tries < TRIES => Unclear::Retry,
        // Nothing that cannot be taken back has happened: the buyer gets an answer.
        Step::Reserve | Step::Authorise => Unclear::Abandon(error),
        Step::Order | Step::Capture | Step::MarkPaid => Unclear::Leave,
    }
}
