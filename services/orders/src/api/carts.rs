use std::sync::Arc;

use shoal_contract::check;
use shoal_contract::orders::{
    AddLine, Cart, CartLine, CartRef, CartStatus, Error as Told, FindCart, NewCart, SetLine, ShippingOption,
    Totals, UpdateCart,
};
use shoal_contract::products::{LookUp, Offer};
use shoal_contract::users::UserId;
use shoal_sql::{ReadTx, Tx};
use shoal_types::{Caller, Context, Fault};

use super::access::{may_change_cart, may_see_cart, require_open};
use crate::error::Error;
use crate::house::Inner;
use crate::model::basket::Basket;
use crate::store::carts::{self, CartRow};

/// One for each SKU asked for, absent for what cannot be bought.
pub(super) type Offers = Vec<Option<Arc<Offer>>>;

impl Inner {
    pub(super) async fn create_cart(&self, cx: &Context, request: NewCart) -> Result<Cart, Error> {
        check(&request)?;
        let skus = request.lines.iter().map(|line| line.sku.clone()).collect();
        let offers = self.offers(cx, skus).await?;
        let (customer, now) = (cx.caller.user(), self.env.now());
        let new = CartRow::new(self.env.id(), customer, self.options.currency, now);
        let body = async move |tx: &mut Tx| {
            let own = own_cart(tx, customer).await?;
            let Some(mut cart) = own.cart else {
                let mut cart = new.clone();
                fill(&mut cart, &request, &offers)?;
                carts::insert(tx, &cart).await?;
                return own.taken_by(tx, cart).await;
            };
            // A customer has one cart: what the new one was to hold goes into it.
            if is_blank(&request) {
                return Ok(cart);
            }
            require_open(&cart)?;
            fill(&mut cart, &request, &offers)?;
            if carts::change(tx, &mut cart, now).await? { Ok(cart) } else { Err(Error::Raced) }
        };
        let cart = self.command(cx, "create_cart", body).await?;
        self.view(cx, cart).await
    }

    pub(super) async fn get_cart(&self, cx: &Context, request: CartRef) -> Result<Cart, Error> {
        let cart = self.seen_cart(cx, request).await?;
        self.view(cx, cart).await
    }

    pub(super) async fn find_cart(&self, cx: &Context, _: FindCart) -> Result<Option<Cart>, Error> {
        let Some(customer) = cx.caller.user() else { return Ok(None) };
        let own = self.db.read(cx, async move |tx| own_cart(tx, Some(customer)).await).await?;
        match own.cart {
            Some(cart) => self.view(cx, cart).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn add_line(&self, cx: &Context, request: AddLine) -> Result<Cart, Error> {
        check(&request.line)?;
        let line = request.line;
        let offer = self.offers(cx, vec![line.sku.clone()]).await?.pop().flatten();
        let offer = offer.ok_or_else(|| Told::UnknownSku { sku: line.sku.clone() })?;
        let reference = CartRef { cart: request.cart };
        self.edit(cx, "add_line", reference, None, move |cart| {
            cart.contents.add_offered(line.clone(), &offer, cart.currency)
        })
        .await
    }

    pub(super) async fn set_line(&self, cx: &Context, request: SetLine) -> Result<Cart, Error> {
        let SetLine { cart, sku, expected_version, change } = request;
        check(&change)?;
        // What can no longer be bought may still be made less, or taken out.
        let offer = self.offers(cx, vec![sku.clone()]).await?.pop().flatten();
        self.edit(cx, "set_line", CartRef { cart }, expected_version, move |cart| {
            cart.contents.set(&sku, change.clone())?;
            offer.as_deref().map_or(Ok(()), |offer| cart.contents.check_price(offer, cart.currency))
        })
        .await
    }

    pub(super) async fn update_cart(&self, cx: &Context, request: UpdateCart) -> Result<Cart, Error> {
        let UpdateCart { cart, expected_version, change } = request;
        check(&change)?;
        self.edit(cx, "update_cart", CartRef { cart }, expected_version, move |cart| {
            cart.contents.change(change.clone());
            Ok(())
        })
        .await
    }

    pub(super) async fn remove_cart(&self, cx: &Context, request: CartRef) -> Result<(), Error> {
        let caller = cx.caller;
        self.transact(cx, async move |tx: &mut Tx| {
            let Some(cart) = carts::find(tx, request.cart).await? else { return Ok(()) };
            match may_change_cart(&caller, &cart) {
                // Another's cart answers like one that is gone.
                Err(Told::UnknownCart {}) => return Ok(()),
                allowed => allowed?,
            }
            if cart.status != CartStatus::Merged {
                require_open(&cart)?;
            }
            if carts::remove(tx, &cart).await? { Ok(()) } else { Err(Error::Raced) }
        })
        .await
    }

    pub(super) async fn list_shipping_options(
        &self,
        cx: &Context,
        request: CartRef,
    ) -> Result<Vec<ShippingOption>, Error> {
        let cart = self.seen_cart(cx, request).await?;
        self.with_basket(cx, &cart, |basket| basket.shipping_options()).await
    }

    /// Changes an open cart. Nobody's change is lost: whoever comes second changes what the first has left.
    async fn edit(
        &self,
        cx: &Context,
        operation: &'static str,
        reference: CartRef,
        expected_version: Option<u64>,
        change: impl Fn(&mut CartRow) -> Result<(), Told> + Send + Sync + 'static,
    ) -> Result<Cart, Error> {
        let (caller, now) = (cx.caller, self.env.now());
        let body = async move |tx: &mut Tx| {
            let mut cart = carts::find(tx, reference.cart).await?.ok_or(Told::UnknownCart {})?;
            may_change_cart(&caller, &cart)?;
            require_open(&cart)?;
            if expected_version.is_some_and(|expected| expected != cart.version) {
                return Err(Told::CartChanged { version: cart.version }.into());
            }
            change(&mut cart)?;
            if carts::change(tx, &mut cart, now).await? { Ok(cart) } else { Err(Error::Raced) }
        };
        let cart = self.command(cx, operation, body).await?;
        self.view(cx, cart).await
    }

    async fn seen_cart(&self, cx: &Context, request: CartRef) -> Result<CartRow, Error> {
        let found = self.db.read(cx, async move |tx| carts::find(tx, request.cart).await).await?;
        let cart = found.ok_or(Told::UnknownCart {})?;
        may_see_cart(&cx.caller, &cart)?;
        Ok(cart)
    }

    /// The cart at present prices.
    pub(super) async fn view(&self, cx: &Context, cart: CartRow) -> Result<Cart, Error> {
        let priced = |basket: Basket<'_>| Ok((basket.lines()?, basket.totals()?));
        let (lines, totals) = self.with_basket(cx, &cart, priced).await?;
        Ok(shown(cart, lines, totals))
    }

    /// What the product service says of SKUs, as anybody would hear it.
    pub(super) async fn offers(&self, cx: &Context, skus: Vec<String>) -> Result<Offers, Error> {
        let asked = skus.len();
        if asked == 0 {
            return Ok(Vec::new());
        }
        let cx = Context { idempotency: None, ..cx.with_caller(Caller::Anonymous) };
        let offers = self.products.look_up(&cx, LookUp { skus }).await?;
        if offers.len() != asked {
            tracing::error!(asked, answered = offers.len(), "look_up answered another number of offers");
            return Err(Fault::Internal {}.into());
        }
        Ok(offers)
    }

    /// Asks the model about a cart at present prices and under the present rates.
    pub(super) async fn with_basket<T>(
        &self,
        cx: &Context,
        cart: &CartRow,
        ask: impl FnOnce(Basket<'_>) -> Result<T, Told> + Send,
    ) -> Result<T, Error> {
        let skus = cart.contents.lines.iter().map(|line| line.sku.clone()).collect();
        let (offers, rates) = tokio::try_join!(self.offers(cx, skus), self.rates(cx))?;
        let (currency, contents) = (cart.currency, &cart.contents);
        Ok(ask(Basket { currency, contents, offers: &offers, rates: &rates })?)
    }
}

/// A cart with its lines and totals at present prices.
pub(super) fn shown(cart: CartRow, lines: Vec<CartLine>, totals: Totals) -> Cart {
    Cart {
        id: cart.id,
        status: cart.status,
        customer: cart.customer,
        currency: cart.currency,
        lines,
        note: cart.contents.note,
        email: cart.contents.email,
        shipping_address: cart.contents.shipping_address,
        billing_address: cart.contents.billing_address,
        shipping_method: cart.contents.shipping_method,
        totals,
        version: cart.version,
        created_at: cart.created_at,
        updated_at: cart.updated_at,
    }
}

/// The cart a customer has, and the claim by which they have it.
pub(super) struct Own {
    customer: Option<UserId>,
    claim: Option<shoal_contract::orders::CartId>,
    /// Open, or being paid.
    pub(super) cart: Option<CartRow>,
}

impl Own {
    /// Gives the customer's claim to a new cart; a guest's needs none.
    pub(super) async fn taken_by(self, tx: &mut Tx, cart: CartRow) -> Result<CartRow, Error> {
        match self.customer {
            Some(customer) if !carts::claim(tx, customer, self.claim, cart.id).await? => Err(Error::Raced),
            _ => Ok(cart),
        }
    }
}

/// Finds the one cart of a customer; a guest has none.
pub(super) async fn own_cart(tx: &mut ReadTx, customer: Option<UserId>) -> Result<Own, Error> {
    let Some(owner) = customer else { return Ok(Own { customer, claim: None, cart: None }) };
    let claim = carts::find_claim(tx, owner).await?;
    let cart = match claim {
        Some(cart) => carts::find(tx, cart).await?,
        None => None,
    };
    let cart = cart.filter(|cart| matches!(cart.status, CartStatus::Open | CartStatus::Paying));
    Ok(Own { customer, claim, cart })
}

fn is_blank(request: &NewCart) -> bool {
    request.currency.is_none() && request.lines.is_empty() && request.details == Default::default()
}

/// Puts into a cart what a new one was to hold.
fn fill(cart: &mut CartRow, request: &NewCart, offers: &Offers) -> Result<(), Told> {
    cart.currency = request.currency.unwrap_or(cart.currency);
    cart.contents.change(request.details.clone());
    for (line, offer) in request.lines.iter().zip(offers) {
        let offer = offer.as_deref().ok_or_else(|| Told::UnknownSku { sku: line.sku.clone() })?;
        cart.contents.add_offered(line.clone(), offer, cart.currency)?;
    }
    Ok(())
}
