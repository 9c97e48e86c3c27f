//! The purchase as a pure machine: a stage and an outcome give the next action. No I/O, no clock.
//!
//! The stage is what the log holds. It is written before each call to the payment provider, whose outcome may stay
//! unknown, and at the end. Steps within Shoal need no line of their own: they are idempotent by the checkout's id,
//! so after a crash they are asked again and answer as they did. Source: docs/adr/0005-checkout-saga.md.

use serde::{Deserialize, Serialize};
use shoal_contract::checkout::Error;

/// What the log says of a purchase: everything before it has happened, what follows may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Nothing is known to have happened.
    Reserving,
    /// Stock is held and the quote fixed; the provider may have been asked for the money.
    Authorising,
    /// The buyer must confirm at the provider.
    Awaiting {
        /// Where.
        redirect_url: String,
    },
    /// The money is held, the order made, the stock sold; the provider may have been asked to capture.
    Capturing,
    /// It cannot be completed: what was done is being undone.
    Undoing {
        /// Why.
        error: Error,
        /// The last step that may have happened.
        reached: Step,
    },
    /// Ordered and paid.
    Completed,
    /// Undone.
    Failed {
        /// Why.
        error: Error,
    },
}

/// What is done forwards, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Fix the quote, hold the stock.
    Reserve,
    /// Have the provider hold the money.
    Authorise,
    /// Make the order and turn the hold on stock into a sale, both at once: neither needs the other.
    Order,
    /// Have the provider take the money: the pivot.
    Capture,
    /// Tell the order.
    MarkPaid,
}

/// What is done backwards, in this order. Each is harmless if there is nothing to undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Undo {
    /// Give the money up.
    VoidPayment,
    /// Cancel the order.
    CancelOrder,
    /// Give held stock back, or book sold stock back in.
    ReturnStock,
    /// Give the cart back.
    ThawCart,
}

impl Step {
    /// The word that people read: `reserve`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Authorise => "authorise",
            Self::Order => "order",
            Self::Capture => "capture",
            Self::MarkPaid => "mark_paid",
        }
    }

    /// Whether a call of it that is late could do again what another owner of the saga has undone: freeze a cart that was
    /// given back, make an order that nobody knows of. All others are harmless by their keys.
    pub(crate) const fn ends_with_lease(self) -> bool {
        matches!(self, Self::Reserve | Self::Order)
    }
}

impl Undo {
    /// The word that people read: `void_payment`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::VoidPayment => "void_payment",
            Self::CancelOrder => "cancel_order",
            Self::ReturnStock => "return_stock",
            Self::ThawCart => "thaw_cart",
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Run a step.
    Do(Step),
    /// Undo something.
    Undo(Undo),
    /// Write the log, then go on from there.
    Log(Stage),
    /// Wait for the buyer; the provider's notice, their return or the time limit goes on.
    Wait,
    /// Nothing is left to do.
    Stop,
}

/// How a step went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is done.
    Done,
    /// The buyer must confirm the payment.
    Pending {
        /// Where.
        redirect_url: String,
    },
    /// It is not done and will not be.
    Refused(Error),
    /// Whether it is done could not be learnt in good time: better undone than waited for.
    Abandoned(Error),
}

/// Where to go on from a stage: at the start, after a crash, and after each line of the log.
pub(crate) fn resume(stage: &Stage) -> Action {
    match stage {
        Stage::Reserving => Action::Do(Step::Reserve),
        Stage::Authorising | Stage::Awaiting { .. } => Action::Do(Step::Authorise),
        Stage::Capturing => Action::Do(Step::Capture),
        Stage::Undoing { reached, .. } => Action::Undo(first_undo(*reached)),
        Stage::Completed | Stage::Failed { .. } => Action::Stop,
    }
}

/// Where to go on after a step.
pub(crate) fn after(stage: &Stage, step: Step, outcome: Outcome) -> Action {
    match (step, outcome) {
        (Step::Reserve, Outcome::Done) => Action::Log(Stage::Authorising),
        (Step::Authorise, Outcome::Done) => Action::Do(Step::Order),
        (Step::Order, Outcome::Done) => Action::Log(Stage::Capturing),
        (Step::Capture, Outcome::Done) => Action::Do(Step::MarkPaid),
        (Step::MarkPaid, Outcome::Done) => Action::Log(Stage::Completed),
        // Known already: nothing to write, go on waiting.
        (_, Outcome::Pending { .. }) if matches!(stage, Stage::Awaiting { .. }) => Action::Wait,
        (_, Outcome::Pending { redirect_url }) => Action::Log(Stage::Awaiting { redirect_url }),
        // A reservation is all or nothing, and the step has given the cart back: there is nothing to undo.
        (Step::Reserve, Outcome::Refused(error)) => Action::Log(Stage::Failed { error }),
        (reached, Outcome::Refused(error) | Outcome::Abandoned(error)) => {
            Action::Log(Stage::Undoing { error, reached })
        }
    }
}

/// Where to go on after something was undone.
pub(crate) fn after_undo(stage: &Stage, undo: Undo) -> Action {
    match (undo, stage) {
        (Undo::VoidPayment, Stage::Undoing { reached, .. }) if *reached >= Step::Order => {
            Action::Undo(Undo::CancelOrder)
        }
        (Undo::VoidPayment | Undo::CancelOrder, _) => Action::Undo(Undo::ReturnStock),
        (Undo::ReturnStock, _) => Action::Undo(Undo::ThawCart),
        (Undo::ThawCart, Stage::Undoing { error, .. }) => Action::Log(Stage::Failed { error: error.clone() }),
        (Undo::ThawCart, _) => Action::Stop,
    }
}

fn first_undo(reached: Step) -> Undo {
    match reached {
        Step::Reserve => Undo::ReturnStock,
        _ => Undo::VoidPayment,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 5] = [Step::Reserve, Step::Authorise, Step::Order, Step::Capture, Step::MarkPaid];

    /// Runs the machine; the step `end` has that outcome. Gives what was done, undone and logged.
    fn run(end: Option<(Step, Outcome)>) -> (Vec<Step>, Vec<Undo>, Vec<Stage>) {
        let (mut done, mut undone, mut logged) = (vec![], vec![], vec![Stage::Reserving]);
        let mut action = resume(&logged[0]);
        loop {
            let stage = logged.last().expect("starts with one").clone();
            action = match action {
                Action::Do(step) => match &end {
                    Some((last, outcome)) if *last == step => after(&stage, step, outcome.clone()),
                    _ => {
                        done.push(step);
                        after(&stage, step, Outcome::Done)
                    }
                },
                Action::Undo(undo) => {
                    undone.push(undo);
                    after_undo(&stage, undo)
                }
                Action::Log(stage) => {
                    logged.push(stage);
                    resume(logged.last().expect("just pushed"))
                }
                Action::Wait | Action::Stop => return (done, undone, logged),
            };
            assert!(done.len() + undone.len() + logged.len() < 30, "it ends");
        }
    }

    #[test]
    fn the_good_way_runs_each_step_once_and_writes_three_lines_after_the_first() {
        let (done, undone, logged) = run(None);
        assert_eq!((done.as_slice(), undone.len()), (STEPS.as_slice(), 0));
        assert_eq!(logged, [Stage::Reserving, Stage::Authorising, Stage::Capturing, Stage::Completed]);
    }

    #[test]
    fn a_refused_step_undoes_all_that_may_have_happened_and_ends_failed() {
        use Undo::*;
        let error = Error::PaymentUnavailable {};
        let undos = |step| run(Some((step, Outcome::Abandoned(error.clone())))).1;
        assert_eq!(undos(Step::Reserve), [ReturnStock, ThawCart]);
        assert_eq!(undos(Step::Authorise), [VoidPayment, ReturnStock, ThawCart]);
        for step in [Step::Order, Step::Capture] {
            assert_eq!(undos(step), [VoidPayment, CancelOrder, ReturnStock, ThawCart], "{step:?}");
        }
        for step in STEPS {
            for outcome in [Outcome::Refused(error.clone()), Outcome::Abandoned(error.clone())] {
                let logged = run(Some((step, outcome))).2;
                assert_eq!(logged.last(), Some(&Stage::Failed { error: error.clone() }), "{step:?}");
            }
        }
    }

    #[test]
    fn a_refused_reservation_leaves_nothing_to_undo() {
        let error = Error::PaymentUnavailable {};
        let (_, undone, logged) = run(Some((Step::Reserve, Outcome::Refused(error.clone()))));
        assert_eq!((undone.len(), logged), (0, vec![Stage::Reserving, Stage::Failed { error }]));
    }

    #[test]
    fn every_stage_that_is_not_final_has_something_to_do() {
        let error = Error::PaymentUnavailable {};
        let undoing = STEPS.map(|reached| Stage::Undoing { error: error.clone(), reached });
        let open = [
            Stage::Reserving,
            Stage::Authorising,
            Stage::Awaiting { redirect_url: String::new() },
            Stage::Capturing,
        ];
        for stage in open.iter().chain(&undoing) {
            assert!(resume(stage) != Action::Stop, "{stage:?}");
        }
        assert!(
            resume(&Stage::Completed) == Action::Stop && resume(&Stage::Failed { error }) == Action::Stop
        );
    }

    #[test]
    fn a_payment_that_waits_is_logged_once() {
        let pending = || Outcome::Pending { redirect_url: "https://pay.example".into() };
        let Action::Log(stage) = after(&Stage::Authorising, Step::Authorise, pending()) else {
            panic!("logs")
        };
        assert_eq!(after(&stage, Step::Authorise, pending()), Action::Wait);
        assert_eq!(after(&stage, Step::Authorise, Outcome::Done), Action::Do(Step::Order));
    }
}
