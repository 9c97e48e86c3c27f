//! Confirm the stock: turn the hold into a sale. Undo: book it back in (see `reserve`).

use shoal_contract::checkout::{Error, reservation_of};
use shoal_contract::products::ReservationRef;
use shoal_types::Context;

use super::Purchase;
use crate::error::Trouble;
use crate::house::Inner;

impl Inner {
    pub(super) async fn confirm_stock(&self, cx: &Context, purchase: &Purchase) -> Result<(), Trouble> {
        let reservation = ReservationRef { key: reservation_of(purchase.id) };
        self.products.confirm(cx, reservation).await.map_err(Error::from)?;
        Ok(())
    }
}
