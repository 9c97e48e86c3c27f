use shoal_contract::orders::{
    CartChange, CartRef, Error, ListRates, NewCart, Orders as _, SetShippingZones, SetTaxRates,
    ShippingMethod, ShippingRate, ShippingZone, TaxRate,
};
use shoal_types::{Currency, Fact};

use crate::shop::{Shop, address, eur, line, ready};

fn vat(rate_bp: u32, included: bool) -> TaxRate {
    TaxRate { country: "DE".into(), region: None, category: "standard".into(), rate_bp, included }
}

fn zone(country: &str, amount: i64) -> ShippingZone {
    let method = ShippingMethod {
        code: "parcel".into(),
        title: "Parcel".into(),
        currency: Currency::EUR,
        rate: ShippingRate::Flat { amount },
    };
    ShippingZone { zone: "Zone".into(), countries: vec![country.into()], methods: vec![method] }
}

async fn set_zones(shop: &Shop, zones: Vec<ShippingZone>) -> Result<Vec<ShippingZone>, Error> {
    shop.orders.set_shipping_zones(&shop.staff(), SetShippingZones { shipping_zones: zones }).await
}

#[tokio::test]
async fn a_cart_is_taxed_where_it_goes_as_soon_as_that_is_known() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    shop.orders
        .set_tax_rates(&shop.staff(), SetTaxRates { tax_rates: vec![vat(1900, true)] })
        .await
        .expect("set");
    let new = NewCart { currency: None, lines: vec![line("MUG", 1)], details: CartChange::default() };
    let cart = shop.orders.create_cart(&cx, new).await.expect("a cart");
    assert_eq!(cart.totals.taxes, []);
    let cart = shop.update(&cx, cart.id, ready()).await.expect("changed");
    assert_eq!((cart.totals.tax_included, cart.totals.total), (eur(319), eur(1999)));
    let order = shop.orders.create_order(&shop.system(), shop.frozen(cart.id).await).await.expect("an order");
    let line = &order.lines[0];
    assert_eq!((line.tax, line.tax_rate_bp, line.tax_included), (eur(319), 1900, true));
    assert_eq!(shop.order(order.id).await.totals, cart.totals);
}

#[tokio::test]
async fn a_method_that_serves_the_address_is_needed_once_there_are_zones() {
    let shop = Shop::open().await;
    let cx = shop.guest();
    set_zones(&shop, vec![zone("DE", 490)]).await.expect("set");
    let cart = shop.cart(&cx, &[("MUG", 1)]).await;
    let reference = CartRef { cart: cart.id };
    let options = shop.orders.list_shipping_options(&cx, reference).await.expect("options");
    assert_eq!(
        options.iter().map(|option| (option.code.as_str(), option.price)).collect::<Vec<_>>(),
        [("parcel", eur(490))]
    );

    let freeze = async || shop.orders.freeze_cart(&shop.system(), shop.freeze(cart.id)).await;
    assert_eq!(freeze().await, Err(Error::CartIncomplete { missing: "shipping_method".into() }));
    let chosen = CartChange { shipping_method: Some("parcel".into()), ..CartChange::default() };
    let priced = shop.update(&cx, cart.id, chosen).await.expect("chosen");
    assert_eq!((priced.totals.shipping, priced.totals.total), (eur(490), eur(2489)));

    let moved = CartChange { shipping_address: Some(address("JP")), ..CartChange::default() };
    shop.update(&cx, cart.id, moved).await.expect("moved");
    assert_eq!(shop.orders.list_shipping_options(&cx, reference).await, Ok(vec![]));
    assert_eq!(freeze().await, Err(Error::NoShipping { method: "parcel".into() }));
}

#[tokio::test]
async fn nothing_to_ship_needs_no_method() {
    let shop = Shop::open().await;
    set_zones(&shop, vec![zone("DE", 490)]).await.expect("set");
    let order = shop.placed(&shop.guest(), &[("EBOOK", 1)]).await;
    assert_eq!((order.shipping_method, order.shipping_address, order.totals.total), (None, None, eur(500)));
}

#[tokio::test]
async fn rates_hold_from_their_commit_on_and_after_a_restart() {
    let shop = Shop::open().await;
    let rates = vec![vat(700, false)];
    shop.orders.set_tax_rates(&shop.staff(), SetTaxRates { tax_rates: rates.clone() }).await.expect("set");
    set_zones(&shop, vec![zone("*", 900)]).await.expect("set");
    let shop = shop.reopened().await;
    assert_eq!(shop.orders.list_tax_rates(&shop.guest(), ListRates {}).await, Ok(rates));
    assert_eq!(shop.orders.list_shipping_zones(&shop.guest(), ListRates {}).await, Ok(vec![zone("*", 900)]));
    shop.orders.set_tax_rates(&shop.staff(), SetTaxRates { tax_rates: vec![] }).await.expect("set");
    assert_eq!(shop.orders.list_tax_rates(&shop.guest(), ListRates {}).await, Ok(vec![]));
    assert_eq!(shop.orders.list_shipping_zones(&shop.guest(), ListRates {}).await, Ok(vec![zone("*", 900)]));
}

#[tokio::test]
async fn bad_rates_are_refused_with_their_field() {
    let shop = Shop::open().await;
    let twice = SetTaxRates { tax_rates: vec![vat(700, false), vat(1900, true)] };
    let refused = shop.orders.set_tax_rates(&shop.staff(), twice).await.expect_err("twice");
    assert_eq!(refused.violations()[0].field, "tax_rates[1]");
    let refused = set_zones(&shop, vec![zone("DE", -1)]).await.expect_err("negative");
    assert_eq!(refused.violations()[0].field, "shipping_zones[0].methods[0].rate");
    let refused = set_zones(&shop, vec![zone("Germany", 1)]).await.expect_err("no code");
    assert_eq!(refused.violations()[0].field, "shipping_zones[0].countries[0]");
}
