use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use shoal_contract::orders::{Cart, CartId, CartState, ListCarts};
use shoal_contract::products::Offer;
use shoal_types::{Context, Cursor, Fault, Page, Role, Timestamp};

use super::carts::shown;
use crate::error::Error;
use crate::house::Inner;
use crate::model::basket::Basket;
use crate::store::carts::{self, AbandonedRow, CartRow};

/// The most SKUs the product service is asked for at a time.
const SKUS_MAX: usize = 1_000;

impl Inner {
    pub(super) async fn list_carts(&self, cx: &Context, request: ListCarts) -> Result<Page<Cart>, Error> {
        cx.caller.require(Role::Staff)?;
        let ListCarts { page, state: CartState::Abandoned } = request;
        let (before, limit) = (before(page.cursor.as_ref())?, page.limit.probe());
        let rows = self.db.read(cx, async move |tx| carts::list_abandoned(tx, before, limit).await).await?;
        let page = Page::cut(rows, page.limit, |row: &AbandonedRow| {
            Cursor::after(&[&row.abandoned_at.as_micros().to_string(), &row.cart.id.to_string()])
        });
        let carts = page.items.into_iter().map(|row| row.cart).collect();
        Ok(Page { items: self.views(cx, carts).await?, next: page.next })
    }

    /// Carts at present prices, all under the same rates; the product service is asked once for each thousand SKUs.
    async fn views(&self, cx: &Context, carts: Vec<CartRow>) -> Result<Vec<Cart>, Error> {
        let skus: BTreeSet<&str> =
            carts.iter().flat_map(|cart| &cart.contents.lines).map(|line| line.sku.as_str()).collect();
        let skus: Vec<String> = skus.into_iter().map(str::to_owned).collect();
        let mut offers: HashMap<String, Arc<Offer>> = HashMap::new();
        for skus in skus.chunks(SKUS_MAX) {
            let found = self.offers(cx, skus.to_vec()).await?.into_iter().flatten();
            offers.extend(found.map(|offer| (offer.sku.clone(), offer)));
        }
        let rates = self.rates(cx).await?;
        let view = |cart: CartRow| {
            let lines = cart.contents.lines.iter();
            let offers: Vec<_> = lines.map(|line| offers.get(&line.sku).cloned()).collect();
            let (currency, contents) = (cart.currency, &cart.contents);
            let basket = Basket { currency, contents, offers: &offers, rates: &rates };
            let (lines, totals) = (basket.lines()?, basket.totals()?);
            Ok(shown(cart, lines, totals))
        };
        carts.into_iter().map(view).collect()
    }
}

/// The key a page starts after; beyond all keys for the first page.
fn before(cursor: Option<&Cursor>) -> Result<(Timestamp, CartId), Fault> {
    let Some(cursor) = cursor else {
        return Ok((Timestamp::from_micros(i64::MAX), CartId::from_digest([u8::MAX; 16])));
    };
    let [at, id] = cursor.keys::<2>()?;
    let strange = || Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page");
    let at: i64 = at.parse().map_err(|_| strange())?;
    Ok((Timestamp::from_micros(at), id.parse().map_err(|_| strange())?))
}
