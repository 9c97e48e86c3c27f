use shoal_contract::checkout::{CheckoutId, order_of};
use shoal_contract::orders::{CartId, CartStatus, Error as Told, FreezeCart, Quote, QuoteRequest};
use shoal_contract::{check, normal_email};
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Context, Fact, Fault};

use super::access::require_open;
use crate::error::Error;
use crate::house::{Inner, require_system};
use crate::model::basket::Buyer;
use crate::model::cart::{Contents, written};
use crate::store::carts::{self, CartRow};

impl Inner {
    pub(super) async fn freeze_cart(&self, cx: &Context, request: FreezeCart) -> Result<Quote, Error> {
        require_system(cx)?;
        let FreezeCart { cart, checkout } = request;
        let now = self.env.now();
        let body = async move |tx: &mut Tx| match carts::freeze(tx, cart, checkout, now).await? {
            Some(frozen) => Ok(frozen),
            None => Err(refusal(tx, cart).await),
        };
        let frozen = self.transact_grouped(cx, body).await?;
        let quote = self.quote_cart(cx, &frozen).await.map_err(Told::from);
        if let Err(error) = &quote
            && !error.kind().retry_may_help()
            && frozen.status == CartStatus::Paying
        {
            // It cannot be bought as it is: the buyer gets it back at once, to change it.
            self.open_again(cx, cart, checkout, CartStatus::Paying).await?;
        }
        Ok(quote?)
    }

    pub(super) async fn thaw_cart(&self, cx: &Context, request: FreezeCart) -> Result<(), Error> {
        require_system(cx)?;
        let FreezeCart { cart, checkout } = request;
        if self.open_again(cx, cart, checkout, CartStatus::Paying).await? {
            return Ok(());
        }
        let found = self.db.read(cx, async move |tx| carts::find(tx, cart).await).await?;
        let closed = |cart: CartRow| cart.status == CartStatus::Ordered && cart.checkout == Some(checkout);
        // First the order, then the cart: one that is sold is not given back, one that is given back is not sold.
        if found.is_some_and(closed) && self.refuse_order(cx, order_of(checkout)).await? {
            self.open_again(cx, cart, checkout, CartStatus::Ordered).await?;
        }
        Ok(())
    }

    pub(super) async fn quote(&self, cx: &Context, request: QuoteRequest) -> Result<Quote, Error> {
        require_system(cx)?;
        let currency = request.currency.unwrap_or(self.options.currency);
        let customer = request.customer;
        let mut cart = CartRow::new(self.env.id(), customer, currency, self.env.now());
        cart.contents = contents(request)?;
        self.quote_row(cx, &cart, Buyer { cart: None, customer }).await
    }

    async fn quote_cart(&self, cx: &Context, cart: &CartRow) -> Result<Quote, Error> {
        self.quote_row(cx, cart, Buyer { cart: Some(cart.id), customer: cart.customer }).await
    }

    async fn quote_row(&self, cx: &Context, cart: &CartRow, buyer: Buyer) -> Result<Quote, Error> {
        self.with_basket(cx, cart, |basket| basket.quote(buyer)).await
    }

    /// Opens the cart of a checkout if it is in the state `from`; whether it was.
    async fn open_again(
        &self,
        cx: &Context,
        cart: CartId,
        checkout: CheckoutId,
        from: CartStatus,
    ) -> Result<bool, Error> {
        let now = self.env.now();
        let body = async move |tx: &mut Tx| Ok(carts::thaw(tx, cart, checkout, from, now).await?);
        self.transact(cx, body).await
    }
}

/// Why a cart could not be frozen.
async fn refusal(tx: &mut ReadTx, cart: CartId) -> Error {
    match carts::find(tx, cart).await {
        Ok(None) => Told::UnknownCart {}.into(),
        // One that is open by now was given back in between.
        Ok(Some(cart)) => require_open(&cart).map_or_else(Error::from, |()| Error::Raced),
        Err(error) => error.into(),
    }
}

/// The lines of a request as a cart would hold them, those of one SKU summed.
fn contents(request: QuoteRequest) -> Result<Contents, Error> {
    let mut contents = Contents {
        note: written(request.note),
        email: written(Some(normal_email(&request.email))),
        shipping_address: request.shipping_address,
        billing_address: request.billing_address,
        shipping_method: request.shipping_method,
        ..Contents::default()
    };
    for (index, line) in request.lines.into_iter().enumerate() {
        check(&line).map_err(|fault| within(fault, index))?;
        contents.add(line)?;
    }
    Ok(contents)
}

/// The same violations, as of the line `index`.
fn within(fault: Fault, index: usize) -> Fault {
    let Fault::Invalid { mut violations } = fault else { return fault };
    for violation in &mut violations {
        violation.field = format!("lines[{index}].{}", violation.field);
    }
    Fault::Invalid { violations }
}
