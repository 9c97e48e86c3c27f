use shoal_contract::orders::{Cart, CartRef, CartStatus, Error as Told};
use shoal_sql::Tx;
use shoal_types::{Context, Fault};

use super::access::{may_see_cart, require_open};
use super::carts::own_cart;
use crate::error::Error;
use crate::house::Inner;
use crate::store::carts::{self, CartRow};

impl Inner {
    pub(super) async fn merge_cart(&self, cx: &Context, request: CartRef) -> Result<Cart, Error> {
        let customer = cx.caller.user().ok_or(Fault::Unauthenticated {})?;
        let (caller, now) = (cx.caller, self.env.now());
        let new = CartRow::new(self.env.id(), Some(customer), self.options.currency, now);
        let body = async move |tx: &mut Tx| {
            let guest = carts::find(tx, request.cart).await?.ok_or(Told::UnknownCart {})?;
            may_see_cart(&caller, &guest)?;
            if guest.customer == Some(customer) {
                return Ok(guest);
            }
            if let (CartStatus::Merged, Some(into)) = (guest.status, guest.merged_into) {
                let cart = carts::find(tx, into).await?.filter(|cart| cart.customer == Some(customer));
                return cart.ok_or_else(|| Told::UnknownCart {}.into());
            }
            // Staff see a customer's cart, but nobody merges it away.
            if guest.customer.is_some() {
                return Err(Fault::Forbidden {}.into());
            }
            require_open(&guest)?;
            let own = own_cart(tx, Some(customer)).await?;
            let cart = match own.cart {
                Some(mut cart) => {
                    require_open(&cart)?;
                    cart.contents.merge(guest.contents.clone())?;
                    if !carts::change(tx, &mut cart, now).await? {
                        return Err(Error::Raced);
                    }
                    cart
                }
                None => {
                    let (currency, contents) = (guest.currency, guest.contents.clone());
                    let cart = CartRow { currency, contents, ..new.clone() };
                    carts::insert(tx, &cart).await?;
                    own.taken_by(tx, cart).await?
                }
            };
            if carts::merge(tx, &guest, cart.id, now).await? { Ok(cart) } else { Err(Error::Raced) }
        };
        let cart = self.transact(cx, body).await?;
        self.view(cx, cart).await
    }
}
