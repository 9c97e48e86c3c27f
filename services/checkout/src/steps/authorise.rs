//! Authorise: have the provider hold the money. Undo: give it up.

use shoal_contract::checkout::{Error, PaymentStatus};
use shoal_types::Context;

use super::Purchase;
use crate::error::Trouble;
use crate::house::Inner;
use crate::payments::{Authorise, Authorised};
use crate::saga::Outcome;

impl Inner {
    pub(super) async fn authorise(&self, cx: &Context, purchase: &mut Purchase) -> Result<Outcome, Trouble> {
        let amount = purchase.quote()?.totals.total;
        if amount.amount == 0 {
            return Ok(Outcome::Done);
        }
        let method = &purchase.input.request.payment;
        let provider = self.provider(&method.provider)?;
        let key = purchase.payment_key();
        // An unknown outcome is asked for, never repeated blindly.
        if purchase.resumed {
            let status = provider.find(cx, &key).await?.map(|payment| payment.status);
            match status {
                Some(PaymentStatus::Authorised | PaymentStatus::Captured) => return Ok(Outcome::Done),
                Some(PaymentStatus::Voided) => return Err(declined("voided")),
                Some(PaymentStatus::Declined) | Some(PaymentStatus::Pending) | None => {}
            }
        }
        purchase.resumed = true;
        let request = Authorise { key, amount, token: purchase.input.request.payment.token.clone() };
        Ok(match provider.authorise(cx, request).await? {
            Authorised::Held => Outcome::Done,
            Authorised::Pending { redirect_url } => Outcome::Pending { redirect_url },
        })
    }

    pub(super) async fn void_payment(&self, cx: &Context, purchase: &Purchase) -> Result<(), Trouble> {
        if purchase.quote()?.totals.total.amount == 0 {
            return Ok(());
        }
        let provider = self.provider(&purchase.input.request.payment.provider)?;
        Ok(provider.void(cx, &purchase.payment_key()).await?)
    }
}

fn declined(reason: &str) -> Trouble {
    Trouble::Refused(Error::PaymentDeclined { reason: reason.to_owned() })
}
