//! Who may see and change what. Another's cart or order answers as if it did not exist.

use sha2::{Digest, Sha256};
use shoal_contract::orders::{CartStatus, Error};
use shoal_types::{Caller, Fault, Role, Secret};
use subtle::ConstantTimeEq;

use crate::store::carts::CartRow;
use crate::store::orders::OrderRow;

/// Passes who may see a cart: anybody who knows a guest's, the owner of a customer's, and staff.
///
/// # Errors
/// `UnknownCart`.
pub(super) fn may_see_cart(caller: &Caller, cart: &CartRow) -> Result<(), Error> {
    match cart.customer {
        Some(owner) if caller.user() != Some(owner) && !caller.has(Role::Staff) => Err(Error::UnknownCart {}),
        _ => Ok(()),
    }
}

/// Passes who may change a cart: as [`may_see_cart`], but staff may not change a customer's.
///
/// # Errors
/// `UnknownCart`; `Forbidden` for staff.
pub(super) fn may_change_cart(caller: &Caller, cart: &CartRow) -> Result<(), Error> {
    may_see_cart(caller, cart)?;
    match cart.customer {
        Some(owner) if caller.user() != Some(owner) && *caller != Caller::System => {
            Err(Fault::Forbidden {}.into())
        }
        _ => Ok(()),
    }
}

/// Passes an open cart.
///
/// # Errors
/// `CartBusy`, `CartOrdered`; `UnknownCart` for one whose lines went elsewhere.
pub(super) fn require_open(cart: &CartRow) -> Result<(), Error> {
    match cart.status {
        CartStatus::Open => Ok(()),
        CartStatus::Paying => {
            let checkout = cart.checkout.map_or_else(String::new, |checkout| checkout.to_string());
            Err(Error::CartBusy { checkout })
        }
        CartStatus::Ordered => Err(Error::CartOrdered {}),
        CartStatus::Merged => Err(Error::UnknownCart {}),
    }
}

/// Passes who may see an order: its customer, who holds its token, and staff.
///
/// # Errors
/// `UnknownOrder`.
pub(super) fn may_see_order(caller: &Caller, order: &OrderRow, token: Option<&Secret>) -> Result<(), Error> {
    let own = order.customer.is_some() && order.customer == caller.user();
    if own || caller.has(Role::Staff) || holds_token(order, token) {
        Ok(())
    } else {
        Err(Error::UnknownOrder {})
    }
}

fn holds_token(order: &OrderRow, token: Option<&Secret>) -> bool {
    let Some((token, hash)) = token.zip(order.token_hash) else { return false };
    let given: [u8; 32] = Sha256::digest(token.expose()).into();
    // Compared in the same time wherever they differ, so that nobody can guess it digit by digit.
    given.ct_eq(&hash).into()
}
