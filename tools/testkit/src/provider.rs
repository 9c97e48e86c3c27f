use std::sync::Arc;

use async_trait::async_trait;
use shoal_checkout::{Authorise, Authorised, PaymentProvider, ProviderError, Reported};
use shoal_contract::checkout::{Error, Payment};
use shoal_types::{Context, Money};

use crate::mishap::{Mishap, Mishaps};

/// A payment provider at the end of a line on which something may happen to a call.
pub(crate) struct Provider {
    pub(crate) to: Arc<dyn PaymentProvider>,
    pub(crate) mishaps: Mishaps,
}

impl Provider {
    async fn carry<T, F>(&self, call: &str, carry_out: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        match self.mishaps.next(call) {
            None => carry_out().await,
            Some(Mishap::Fails) => Err(ProviderError::Unreachable),
            Some(Mishap::Declined | Mishap::Refused(_)) => {
                Err(ProviderError::Declined { reason: "declined_by_test".into() })
            }
            Some(Mishap::Waits) => {
                self.mishaps.hold_back().await;
                carry_out().await
            }
            Some(Mishap::AnswerWaits) => {
                let answer = carry_out().await;
                self.mishaps.hold_back().await;
                answer
            }
            Some(Mishap::AnswerLost) => {
                carry_out().await?;
                Err(ProviderError::Unknown)
            }
            Some(Mishap::Repeated) => {
                carry_out().await?;
                carry_out().await
            }
            Some(mishap @ Mishap::KilledBefore) => self.mishaps.die(&mishap).await,
            Some(mishap @ Mishap::KilledAfter) => {
                carry_out().await?;
                self.mishaps.die(&mishap).await
            }
        }
    }
}

#[async_trait]
impl PaymentProvider for Provider {
    fn name(&self) -> &'static str {
        self.to.name()
    }

    async fn authorise(&self, cx: &Context, request: Authorise) -> Result<Authorised, ProviderError> {
        self.carry("provider.authorise", || self.to.authorise(cx, request.clone())).await
    }

    async fn find(&self, cx: &Context, key: &str) -> Result<Option<Payment>, ProviderError> {
        self.carry("provider.find", || self.to.find(cx, key)).await
    }

    async fn capture(&self, cx: &Context, key: &str) -> Result<(), ProviderError> {
        self.carry("provider.capture", || self.to.capture(cx, key)).await
    }

    async fn void(&self, cx: &Context, key: &str) -> Result<(), ProviderError> {
        self.carry("provider.void", || self.to.void(cx, key)).await
    }

    async fn refund(
        &self,
        cx: &Context,
        key: &str,
        refund_key: &str,
        amount: Money,
    ) -> Result<(), ProviderError> {
        self.carry("provider.refund", || self.to.refund(cx, key, refund_key, amount)).await
    }

    async fn read_notice(
        &self,
        cx: &Context,
        body: &str,
        signature: Option<&str>,
    ) -> Result<Reported, Error> {
        self.to.read_notice(cx, body, signature).await
    }
}
