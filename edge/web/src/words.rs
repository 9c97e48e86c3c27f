//! Errors in the words of a shop.

use shoal_contract::checkout;
use shoal_contract::orders::Cart;
use shoal_contract::products;
use shoal_types::{Fact, Kind, Violation};

/// What a buyer is told of an error.
pub(crate) fn sentence(error: &impl Fact) -> String {
    let known = match error.code() {
        "email_taken" => "There is an account with this e-mail address already. Log in instead.",
        "wrong_credentials" => "E-mail address or password is wrong.",
        "reset_refused" => "This link was used already, or is older than an hour. Ask for another mail.",
        "unauthenticated" => "Please log in first.",
        "cart_busy" => "This cart is being paid just now, so it cannot be changed until that ends.",
        "cart_ordered" => "This cart has been ordered already.",
        "cart_empty" => "There is nothing in your cart yet.",
        "cart_changed" => "Your cart was changed meanwhile. Please look at it again.",
        "cart_incomplete" => {
            "Something is still missing: e-mail address, delivery address or way of delivery."
        }
        "no_shipping" => "This way of delivery does not serve your address. Please choose another.",
        "unknown_sku" | "no_price" => "This is no longer for sale. If it is in your cart, please remove it.",
        "too_many_lines" => "A cart holds at most 500 different things.",
        "amount_too_large" => "That is more than can be ordered at once.",
        "payment_unavailable" => {
            "The payment service cannot be reached. Nothing was charged; please try again."
        }
        "payment_timed_out" => "The payment was not confirmed in time. Nothing was bought or charged.",
        "still_processing" => "Your order is still on its way through. Please wait a moment.",
        "too_many_addresses" => "You have 20 addresses saved already. Remove one first.",
        "idempotency_key_reused" => {
            "This page was older than your last try. Please check it and press the button again."
        }
        "total_changed" => "A price or the delivery changed since you saw it. Please check the new total.",
        _ => return other(error),
    };
    known.to_owned()
}

fn other(error: &impl Fact) -> String {
    match error.kind() {
        Kind::Unavailable | Kind::Timeout | Kind::Full | Kind::Limited => {
            "The shop is very busy or cannot be reached. Nothing is lost; please try again in a moment."
                .into()
        }
        Kind::Internal => "Something went wrong on our side. Please try again.".into(),
        _ => as_sentence(&error.to_string()),
    }
}

/// `the cart is empty` -> `The cart is empty.`
fn as_sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|letter| letter.to_uppercase().collect()).unwrap_or_default();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// What a buyer is told when an order cannot be placed.
pub(crate) fn refusal(error: &checkout::Error, cart: &Cart) -> String {
    match error {
        checkout::Error::PaymentDeclined { reason } => declined(reason),
        checkout::Error::Products(products::Error::StockTooLow { sku, available, .. }) => {
            let line = cart.lines.iter().find(|line| line.sku == *sku);
            let title = line.map_or(sku.as_str(), |line| line.title.as_str());
            match available {
                0 => format!("{title} was sold out while you were looking. Please remove it from your cart."),
                left => format!("There are only {left} of {title} left. Please take fewer."),
            }
        }
        error => sentence(error),
    }
}

/// What a buyer is told of a card that did not pay.
pub(crate) fn declined(reason: &str) -> String {
    let why = match reason {
        "card_declined" => "The bank declined this card.",
        "insufficient_funds" => "There is not enough money on this card.",
        "not_confirmed" => "The payment was not confirmed.",
        "capture_refused" => "The bank held the money, but would not hand it over.",
        _ => "The payment was declined.",
    };
    format!("{why} Nothing was bought or charged, and your cart is as it was. Please choose another card.")
}

/// What is said beside a field, by its name and what is wrong with it.
pub(crate) fn beside(violation: &Violation) -> String {
    let field = violation.field.rsplit('.').next().unwrap_or_default();
    let told = match (field, violation.rule.as_str()) {
        (_, "too_long") => "This is too long.",
        ("password", "too_short") => "Take at least 10 characters.",
        ("email", _) => "Enter an e-mail address such as ada@example.com.",
        ("name", _) => "Enter a name.",
        ("line1", _) => "Enter street and number.",
        ("city", _) => "Enter a town.",
        ("country", _) => "Choose a country.",
        ("quantity", _) => "Enter a whole number of pieces.",
        _ => return as_sentence(&violation.message),
    };
    told.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_become_sentences() {
        assert_eq!(as_sentence("the cart is empty"), "The cart is empty.");
        assert_eq!(sentence(&shoal_contract::users::Error::UnknownAddress {}), "There is no such address.");
        assert!(declined("insufficient_funds").starts_with("There is not enough money"));
    }

    #[test]
    fn a_field_is_told_what_to_hold() {
        let field = "shipping_address.city".to_owned();
        let violation = Violation { field, rule: "line".into(), message: "expected a line".into() };
        assert_eq!(beside(&violation), "Enter a town.");
    }
}
