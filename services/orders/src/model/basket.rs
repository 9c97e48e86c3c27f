use std::sync::Arc;

use shoal_contract::Address;
use shoal_contract::orders::{CartId, CartLine, Error, Quote, QuoteLine, ShippingOption, Totals};
use shoal_contract::products::{AMOUNT_MAX, Offer};
use shoal_contract::users::UserId;
use shoal_types::{Currency, Money};

use super::cart::{Contents, Line};
use super::rates::Rates;
use super::shipping::{self, Parcel};
use super::totals::{Sums, Taxable, add_up, price_of_all};

/// A cart's contents next to what the shop says of its SKUs at present.
#[derive(Clone, Copy)]
pub(crate) struct Basket<'a> {
    pub(crate) currency: Currency,
    pub(crate) contents: &'a Contents,
    /// One for each line, absent for what cannot be bought.
    pub(crate) offers: &'a [Option<Arc<Offer>>],
    pub(crate) rates: &'a Rates,
}

/// A line that can be bought, with its price.
struct Sold<'a> {
    line: &'a Line,
    offer: &'a Offer,
    unit_price: Money,
    total: Money,
}

/// Who buys what a quote is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buyer {
    pub(crate) cart: Option<CartId>,
    pub(crate) customer: Option<UserId>,
}

impl<'a> Basket<'a> {
    /// The lines as a cart shows them. What cannot be bought is flagged and costs nothing.
    ///
    /// # Errors
    /// `AmountTooLarge`.
    pub(crate) fn lines(self) -> Result<Vec<CartLine>, Error> {
        self.pairs().map(|(line, offer)| self.line(line, offer)).collect()
    }

    /// What the lines that can be bought come to, with the chosen shipping method if it serves them.
    ///
    /// # Errors
    /// `AmountTooLarge`.
    pub(crate) fn totals(self) -> Result<Totals, Error> {
        let sold = self.available()?;
        let chosen = self.contents.shipping_method.as_deref().zip(self.parcel(&sold)?);
        let price = chosen.and_then(|(method, parcel)| shipping::price(&self.rates.zones, method, parcel));
        Ok(self.add_up(&sold, price.map_or(0, |price| price.amount))?.totals)
    }

    /// The shipping methods that serve the lines, cheapest first; none if nothing is shipped.
    ///
    /// # Errors
    /// `CartIncomplete` without a shipping address; `AmountTooLarge`.
    pub(crate) fn shipping_options(self) -> Result<Vec<ShippingOption>, Error> {
        let sold = self.available()?;
        if self.contents.shipping_address.is_none() {
            return Err(missing("shipping_address"));
        }
        let parcel = self.parcel(&sold)?;
        Ok(parcel.map_or(Vec::new(), |parcel| shipping::options(&self.rates.zones, parcel)))
    }

    /// Fixes what is to be paid.
    ///
    /// Goods that go in a parcel need an address and a method that serves it; in a shop without any zones shipping
    /// is free and needs no method. Goods that do not are shipped by none.
    ///
    /// # Errors
    /// `CartEmpty`, `CartIncomplete`, `UnknownSku`, `NoPrice`, `NoShipping`, `AmountTooLarge`.
    pub(crate) fn quote(self, buyer: Buyer) -> Result<Quote, Error> {
        if self.contents.lines.is_empty() {
            return Err(Error::CartEmpty {});
        }
        let email = self.contents.email.clone().ok_or_else(|| missing("email"))?;
        let sold = self.pairs().map(|(line, offer)| self.sold(line, offer)).collect::<Result<Vec<_>, _>>()?;
        let (method, price) = self.shipping(&sold)?.unzip();
        let shippable = is_shippable(&sold);
        let sums = self.add_up(&sold, price.unwrap_or(0))?;
        if sums.totals.total.amount > AMOUNT_MAX {
            return Err(Error::AmountTooLarge {});
        }
        let currency = self.currency;
        let lines = sold.into_iter().zip(&sums.lines).map(|(sold, tax)| QuoteLine {
            tax: Money::new(tax.amount, currency),
            tax_rate_bp: tax.rate.bp,
            tax_included: tax.rate.included,
            ..sold.remembered()
        });
        let address = self.contents.shipping_address.clone().filter(|_| shippable);
        Ok(Quote {
            cart: buyer.cart,
            customer: buyer.customer,
            email,
            lines: lines.collect(),
            note: self.contents.note.clone(),
            billing_address: self.contents.billing_address.clone().or_else(|| address.clone()),
            shipping_address: address,
            shipping_method: method.map(str::to_owned),
            totals: sums.totals,
        })
    }

    fn pairs(self) -> impl Iterator<Item = (&'a Line, Option<&'a Offer>)> {
        self.contents.lines.iter().zip(self.offers).map(|(line, offer)| (line, offer.as_deref()))
    }

    fn line(self, line: &Line, offer: Option<&Offer>) -> Result<CartLine, Error> {
        let price = offer.and_then(|offer| offer.price(self.currency));
        let unit_price = price.unwrap_or(Money::zero(self.currency));
        let total = price_of_all(unit_price.amount, line.quantity)?;
        Ok(CartLine {
            sku: line.sku.clone(),
            quantity: line.quantity,
            note: line.note.clone(),
            available: price.is_some(),
            title: offer.map_or_else(|| line.sku.clone(), |offer| offer.title.clone()),
            choice: offer.map_or_else(String::new, |offer| offer.choice.clone()),
            slug: offer.map_or_else(String::new, |offer| offer.slug.clone()),
            image: offer.and_then(|offer| offer.image.clone()),
            unit_price,
            total: Money::new(total, self.currency),
        })
    }

    fn sold(self, line: &'a Line, offer: Option<&'a Offer>) -> Result<Sold<'a>, Error> {
        let offer = offer.ok_or_else(|| Error::UnknownSku { sku: line.sku.clone() })?;
        let unit_price = offer
            .price(self.currency)
            .ok_or_else(|| Error::NoPrice { sku: line.sku.clone(), currency: self.currency.to_string() })?;
        let total = Money::new(price_of_all(unit_price.amount, line.quantity)?, self.currency);
        Ok(Sold { line, offer, unit_price, total })
    }

    /// The lines that can be bought.
    fn available(self) -> Result<Vec<Sold<'a>>, Error> {
        let sold = self.pairs().filter_map(|(line, offer)| match self.sold(line, offer) {
            Err(Error::UnknownSku { .. } | Error::NoPrice { .. }) => None,
            other => Some(other),
        });
        sold.collect()
    }

    /// The chosen method and its price, minor units; none where none is needed.
    fn shipping(self, sold: &[Sold<'_>]) -> Result<Option<(&'a str, i64)>, Error> {
        if !is_shippable(sold) {
            return Ok(None);
        }
        let parcel = self.parcel(sold)?.ok_or_else(|| missing("shipping_address"))?;
        if self.rates.zones.is_empty() {
            return Ok(None);
        }
        let method = self.contents.shipping_method.as_deref().ok_or_else(|| missing("shipping_method"))?;
        let price = shipping::price(&self.rates.zones, method, parcel);
        let price = price.ok_or_else(|| Error::NoShipping { method: method.to_owned() })?;
        Ok(Some((method, price.amount)))
    }

    /// What is shipped, and where; absent if nothing is, or nobody knows where.
    fn parcel(self, sold: &[Sold<'_>]) -> Result<Option<Parcel<'a>>, Error> {
        let Some(address) = self.contents.shipping_address.as_ref().filter(|_| is_shippable(sold)) else {
            return Ok(None);
        };
        let pieces = |sold: &Sold<'_>| u128::try_from(sold.line.quantity).unwrap_or(0);
        let shipped = sold.iter().filter(|sold| sold.offer.shippable);
        let weight_g = shipped.map(|sold| u128::from(sold.offer.weight_g) * pieces(sold)).sum();
        let subtotal: i128 = sold.iter().map(|sold| i128::from(sold.total.amount)).sum();
        let subtotal = i64::try_from(subtotal).map_err(|_| Error::AmountTooLarge {})?;
        Ok(Some(Parcel { country: &address.country, currency: self.currency, weight_g, subtotal }))
    }

    fn add_up<'s>(self, sold: &'s [Sold<'_>], shipping: i64) -> Result<Sums, Error> {
        let taxable =
            |sold: &'s Sold<'_>| Taxable { total: sold.total.amount, category: &sold.offer.tax_category };
        let lines: Vec<_> = sold.iter().map(taxable).collect();
        add_up(self.currency, &lines, shipping, self.rates.taxes.at(self.taxed_at(is_shippable(sold))))
    }

    /// Goods in a parcel are taxed where they go, others where the buyer is.
    fn taxed_at(self, shippable: bool) -> Option<&'a Address> {
        let (goods, bill) = (self.contents.shipping_address.as_ref(), self.contents.billing_address.as_ref());
        if shippable { goods.or(bill) } else { bill.or(goods) }
    }
}

impl Sold<'_> {
    /// All an order must remember, before tax.
    fn remembered(&self) -> QuoteLine {
        let offer = self.offer;
        QuoteLine {
            variant: offer.variant,
            product: offer.product,
            sku: offer.sku.clone(),
            slug: offer.slug.clone(),
            title: offer.title.clone(),
            choice: offer.choice.clone(),
            image: offer.image.clone(),
            note: self.line.note.clone(),
            quantity: self.line.quantity,
            unit_price: self.unit_price,
            total: self.total,
            tax: Money::zero(self.total.currency),
            tax_rate_bp: 0,
            tax_included: false,
            shippable: offer.shippable,
        }
    }
}

fn is_shippable(sold: &[Sold<'_>]) -> bool {
    sold.iter().any(|sold| sold.offer.shippable)
}

fn missing(what: &str) -> Error {
    Error::CartIncomplete { missing: what.to_owned() }
}
