//! Reserve: fix the quote, hold the stock. Undo: give the stock back, give the cart back.

use std::time::Duration;

use shoal_contract::checkout::{Error, reservation_of};
use shoal_contract::orders::{self, FreezeCart, Quote, QuoteRequest};
use shoal_contract::products::{ReservationRef, ReservationState, Reserve, Restock, StockLine};
use shoal_types::Context;

use super::Purchase;
use crate::error::Trouble;
use crate::house::Inner;
use crate::saga::Outcome;

/// How much longer stock is held than the buyer has to confirm the payment, for the rest of the saga.
const HOLD_MARGIN: Duration = Duration::from_secs(5 * 60);

impl Inner {
    pub(super) async fn reserve(&self, cx: &Context, purchase: &mut Purchase) -> Result<Outcome, Trouble> {
        match self.quote_and_hold(cx, purchase).await {
            // An earlier try may have held stock.
            Err(Trouble::Refused(error)) if purchase.resumed => Ok(Outcome::Abandoned(error)),
            Err(Trouble::Refused(error)) => {
                // Nothing is held, so the saga ends here without an undo: the cart must not stay frozen.
                self.thaw_cart(cx, purchase).await?;
                Err(Trouble::Refused(error))
            }
            outcome => outcome,
        }
    }

    async fn quote_and_hold(&self, cx: &Context, purchase: &mut Purchase) -> Result<Outcome, Trouble> {
        let mut quote = self.fix_quote(cx, purchase).await?;
        match (quote.customer, purchase.input.customer) {
            (Some(owner), caller) if caller != Some(owner) => {
                return Err(Trouble::Refused(orders::Error::UnknownCart {}.into()));
            }
            (_, caller) => quote.customer = caller,
        }
        let total = quote.totals.total;
        if purchase.input.request.expected_total.is_some_and(|expected| expected != total) {
            let currency = total.currency.code().to_owned();
            return Err(Trouble::Refused(Error::TotalChanged { total: total.amount, currency }));
        }
        let request = Reserve {
            key: reservation_of(purchase.id),
            lines: stock_lines(&quote),
            expires_at: self.env.now().plus(self.options.confirm_within + HOLD_MARGIN),
        };
        let reservation = self.products.reserve(cx, request).await.map_err(Error::from)?;
        if !matches!(reservation.state, ReservationState::Held | ReservationState::Confirmed) {
            return Err(Trouble::Refused(shoal_contract::products::Error::ReservationGone {}.into()));
        }
        purchase.quote = Some(Box::new(quote));
        Ok(Outcome::Done)
    }

    async fn fix_quote(&self, cx: &Context, purchase: &Purchase) -> Result<Quote, Trouble> {
        let request = &purchase.input.request;
        let quote = match request.cart {
            Some(cart) => self.orders.freeze_cart(cx, FreezeCart { cart, checkout: purchase.id }).await,
            None => {
                let request = QuoteRequest {
                    customer: purchase.input.customer,
                    currency: request.currency,
                    lines: request.lines.clone(),
                    email: request.email.clone().unwrap_or_default(),
                    shipping_address: request.shipping_address.clone(),
                    billing_address: request.billing_address.clone(),
                    shipping_method: request.shipping_method.clone(),
                    note: request.note.clone(),
                };
                self.orders.quote(cx, request).await
            }
        };
        Ok(quote.map_err(Error::from)?)
    }

    pub(super) async fn return_stock(&self, cx: &Context, purchase: &Purchase) -> Result<(), Trouble> {
        let key = reservation_of(purchase.id);
        let reservation = self.products.release(cx, ReservationRef { key }).await.map_err(Error::from)?;
        if reservation.state == ReservationState::Confirmed {
            let reason = Some("checkout failed".to_owned());
            let restock = Restock { key, lines: reservation.lines, reason };
            self.products.restock(cx, restock).await.map_err(Error::from)?;
        }
        Ok(())
    }

    pub(super) async fn thaw_cart(&self, cx: &Context, purchase: &Purchase) -> Result<(), Trouble> {
        let Some(cart) = purchase.input.request.cart else { return Ok(()) };
        let thaw = FreezeCart { cart, checkout: purchase.id };
        match self.orders.thaw_cart(cx, thaw).await {
            // Another checkout has it, or there is none: it was never frozen for this one.
            Ok(())
            | Err(
                orders::Error::UnknownCart {}
                | orders::Error::CartBusy { .. }
                | orders::Error::CartOrdered {},
            ) => Ok(()),
            Err(error) => Err(Error::from(error).into()),
        }
    }
}

fn stock_lines(quote: &Quote) -> Vec<StockLine> {
    quote.lines.iter().map(|line| StockLine { variant: line.variant, quantity: line.quantity }).collect()
}
