use serde::{Deserialize, Serialize};
use shoal_contract::orders::{CartChange, Error, LineBody, LineChange, QUANTITY_MAX};
use shoal_contract::products::{AMOUNT_MAX, Offer};
use shoal_contract::{Address, normal_email};
use shoal_types::{Currency, Fault};

use super::totals::price_of_all;

/// The most lines of a cart.
pub(crate) const LINES_MAX: usize = 500;
/// The longest note of a line, characters.
const LINE_NOTE_MAX: usize = 1_000;
/// The longest note of a cart, characters.
const NOTE_MAX: usize = 2_000;

/// What a cart holds. Prices are not in it: they are looked up whenever it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    #[serde(default)]
    pub(crate) lines: Vec<Line>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shipping_address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) billing_address: Option<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shipping_method: Option<String>,
}

/// Pieces of a SKU. A cart has one line for each SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) quantity: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

impl Contents {
    /// The line of `sku`, if there is one.
    pub(crate) fn line(&self, sku: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.sku == sku)
    }

    /// Adds pieces: to the line of the SKU, or as a new last line. A note replaces the one before.
    ///
    /// # Errors
    /// `TooManyLines`; `Invalid` if the line would hold more than [`QUANTITY_MAX`] pieces.
    pub(crate) fn add(&mut self, body: LineBody) -> Result<(), Error> {
        let Some(line) = self.lines.iter_mut().find(|line| line.sku == body.sku) else {
            if self.lines.len() >= LINES_MAX {
                return Err(Error::TooManyLines {});
            }
            self.lines.push(Line { sku: body.sku, quantity: body.quantity, note: written(body.note) });
            return Ok(());
        };
        let quantity = line.quantity.saturating_add(body.quantity);
        if quantity > QUANTITY_MAX {
            return Err(quantity_too_large().into());
        }
        line.quantity = quantity;
        if body.note.is_some() {
            line.note = written(body.note);
        }
        Ok(())
    }

    /// As [`Contents::add`], for something that can be bought in `currency`.
    ///
    /// # Errors
    /// `NoPrice`; `AmountTooLarge` if the line would cost more than [`AMOUNT_MAX`]; else as [`Contents::add`].
    pub(crate) fn add_offered(
        &mut self,
        body: LineBody,
        offer: &Offer,
        currency: Currency,
    ) -> Result<(), Error> {
        if offer.price(currency).is_none() {
            return Err(Error::NoPrice { sku: body.sku, currency: currency.to_string() });
        }
        self.add(body)?;
        self.check_price(offer, currency)
    }

    /// Passes unless the line of an offer costs more than [`AMOUNT_MAX`] in `currency`.
    ///
    /// # Errors
    /// `AmountTooLarge`.
    pub(crate) fn check_price(&self, offer: &Offer, currency: Currency) -> Result<(), Error> {
        let Some((line, price)) = self.line(&offer.sku).zip(offer.price(currency)) else { return Ok(()) };
        if price_of_all(price.amount, line.quantity)? > AMOUNT_MAX {
            return Err(Error::AmountTooLarge {});
        }
        Ok(())
    }

    /// Sets the line of `sku`; a quantity of 0 removes it, a blank note takes the note away.
    ///
    /// # Errors
    /// `UnknownLine`.
    pub(crate) fn set(&mut self, sku: &str, change: LineChange) -> Result<(), Error> {
        let place = self.lines.iter().position(|line| line.sku == sku).ok_or(Error::UnknownLine {})?;
        if change.quantity == 0 {
            self.lines.remove(place);
            return Ok(());
        }
        let line = &mut self.lines[place];
        line.quantity = change.quantity;
        if change.note.is_some() {
            line.note = written(change.note);
        }
        Ok(())
    }

    /// Takes over the fields that are given; a blank note takes the note away.
    pub(crate) fn change(&mut self, change: CartChange) {
        if change.note.is_some() {
            self.note = written(change.note);
        }
        replace(&mut self.email, change.email.map(|email| normal_email(&email)));
        replace(&mut self.shipping_address, change.shipping_address);
        replace(&mut self.billing_address, change.billing_address);
        replace(&mut self.shipping_method, change.shipping_method);
    }

    /// Takes in all of `other`: quantities of one SKU are added, up to [`QUANTITY_MAX`]; other lines come last in
    /// their order. Both notes are kept; what this cart lacks is taken from the other.
    ///
    /// # Errors
    /// `TooManyLines`; then nothing was taken in.
    pub(crate) fn merge(&mut self, other: Contents) -> Result<(), Error> {
        let new = other.lines.iter().filter(|line| self.line(&line.sku).is_none()).count();
        if self.lines.len() + new > LINES_MAX {
            return Err(Error::TooManyLines {});
        }
        for line in other.lines {
            match self.lines.iter_mut().find(|own| own.sku == line.sku) {
                None => self.lines.push(line),
                Some(own) => {
                    own.quantity = own.quantity.saturating_add(line.quantity).min(QUANTITY_MAX);
                    own.note = both(own.note.take(), line.note, LINE_NOTE_MAX);
                }
            }
        }
        self.note = both(self.note.take(), other.note, NOTE_MAX);
        fill(&mut self.email, other.email);
        fill(&mut self.shipping_address, other.shipping_address);
        fill(&mut self.billing_address, other.billing_address);
        fill(&mut self.shipping_method, other.shipping_method);
        Ok(())
    }
}

/// Says that a line cannot hold so many pieces.
pub(crate) fn quantity_too_large() -> Fault {
    Fault::invalid("quantity", "range", format!("a line holds at most {QUANTITY_MAX} pieces"))
}

/// A text, unless it is blank.
pub(crate) fn written(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn replace<T>(field: &mut Option<T>, given: Option<T>) {
    if given.is_some() {
        *field = given;
    }
}

fn fill<T>(field: &mut Option<T>, given: Option<T>) {
    if field.is_none() {
        *field = given;
    }
}

/// Both notes, one below the other, cut to `max` characters; equal ones once.
fn both(own: Option<String>, other: Option<String>, max: usize) -> Option<String> {
    match (own, other) {
        (Some(own), Some(other)) if own != other => {
            Some(format!("{own}\n{other}").chars().take(max).collect())
        }
        (own, other) => own.or(other),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn body(sku: &str, quantity: i64) -> LineBody {
        LineBody { sku: sku.to_owned(), quantity, note: None }
    }

    fn cart(lines: &[(u8, i64)]) -> Contents {
        let mut contents = Contents::default();
        for (sku, quantity) in lines {
            contents.add(body(&format!("SKU-{sku}"), *quantity)).expect("fits");
        }
        contents
    }

    fn pieces(contents: &Contents) -> BTreeMap<String, i64> {
        contents.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect()
    }

    #[test]
    fn the_same_sku_again_makes_its_line_larger() {
        let mut contents = cart(&[(1, 2), (2, 1), (1, 3)]);
        assert_eq!(pieces(&contents), BTreeMap::from([("SKU-1".into(), 5), ("SKU-2".into(), 1)]));
        assert!(contents.add(body("SKU-1", QUANTITY_MAX)).is_err());
        assert_eq!(contents.line("SKU-1").map(|line| line.quantity), Some(5));
    }

    #[test]
    fn zero_pieces_remove_a_line() {
        let mut contents = cart(&[(1, 2)]);
        let gone = LineChange { quantity: 0, note: None };
        assert_eq!(contents.set("SKU-1", gone.clone()), Ok(()));
        assert_eq!(contents.set("SKU-1", gone), Err(Error::UnknownLine {}));
        assert!(contents.lines.is_empty());
    }

    #[test]
    fn a_full_cart_takes_no_new_line_but_more_pieces() {
        let mut contents = Contents::default();
        for number in 0..LINES_MAX {
            contents.add(body(&format!("SKU-{number}"), 1)).expect("fits");
        }
        assert_eq!(contents.add(body("one more", 1)), Err(Error::TooManyLines {}));
        assert_eq!(contents.add(body("SKU-0", 1)), Ok(()));
        let before = contents.clone();
        assert_eq!(contents.merge(cart(&[(1, 1)])), Ok(()));
        let stranger = Contents { lines: vec![Line { sku: "x".into(), quantity: 1, note: None }], ..before };
        let kept = contents.clone();
        assert_eq!(contents.merge(stranger), Err(Error::TooManyLines {}));
        assert_eq!(contents, kept);
    }

    #[test]
    fn merging_keeps_both_notes_and_fills_what_is_missing() {
        let noted = |note: &str| Contents { note: Some(note.into()), ..Contents::default() };
        let mut own = noted("ring twice");
        let guest = Contents { email: Some("ada@example.com".into()), ..noted("no card") };
        own.merge(guest).expect("fits");
        assert_eq!(own.note.as_deref(), Some("ring twice\nno card"));
        assert_eq!(own.email.as_deref(), Some("ada@example.com"));
    }

    proptest! {
        #[test]
        fn merging_loses_no_line_and_adds_quantities(
            own in prop::collection::vec((0_u8..20, 1_i64..1_000), 0..30),
            guest in prop::collection::vec((0_u8..20, 1_i64..1_000), 0..30),
        ) {
            let (mut merged, guest) = (cart(&own), cart(&guest));
            let mut expected = pieces(&merged);
            for line in &guest.lines {
                *expected.entry(line.sku.clone()).or_default() += line.quantity;
            }
            merged.merge(guest).expect("fits");
            prop_assert_eq!(pieces(&merged), expected);
        }
    }
}
