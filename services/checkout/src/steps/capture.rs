//! Capture: have the provider take the money. The pivot: from here the saga only goes forward.

use shoal_types::Context;

use super::Purchase;
use crate::error::Trouble;
use crate::house::Inner;
use crate::saga::Outcome;

impl Inner {
    pub(super) async fn capture(&self, cx: &Context, purchase: &Purchase) -> Result<Outcome, Trouble> {
        if purchase.quote()?.totals.total.amount == 0 {
            return Ok(Outcome::Done);
        }
        let provider = self.provider(&purchase.input.request.payment.provider)?;
        provider.capture(cx, &purchase.payment_key()).await?;
        Ok(Outcome::Done)
    }
}
