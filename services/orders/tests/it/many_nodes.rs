//! Two nodes with the order house over the same data.

use futures::future::join_all;
use shoal_contract::checkout::order_of;
use shoal_contract::orders::{
    AddLine, CancelOrder, CartRef, Error, ListRates, Orders as _, SetShippingZones, SetTaxRates,
    ShippingMethod, ShippingRate, ShippingZone, TaxRate,
};
use shoal_types::Currency;

use crate::shop::{Shop, line};

fn tax(rate_bp: u32) -> SetTaxRates {
    let rate =
        TaxRate { country: "DE".into(), region: None, category: "standard".into(), rate_bp, included: false };
    SetTaxRates { tax_rates: vec![rate] }
}

fn zones(amount: i64) -> SetShippingZones {
    let method = ShippingMethod {
        code: "standard".into(),
        title: "Standard".into(),
        currency: Currency::EUR,
        rate: ShippingRate::Flat { amount },
    };
    let zone = ShippingZone { zone: "Everywhere".into(), countries: vec!["*".into()], methods: vec![method] };
    SetShippingZones { shipping_zones: vec![zone] }
}

#[tokio::test]
async fn rates_set_at_one_node_are_those_of_the_other_and_neither_setting_is_lost() {
    let shop = Shop::open().await;
    let Some(other) = shop.neighbour().await else { return };
    for round in 1..20_u32 {
        let staff = shop.staff();
        let (here, there) = if round % 2 == 0 { (&shop.orders, &other) } else { (&other, &shop.orders) };
        let (taxed, zoned) = tokio::join!(
            here.set_tax_rates(&staff, tax(round)),
            there.set_shipping_zones(&staff, zones(i64::from(round)))
        );
        taxed.expect("set");
        zoned.expect("set");
        for house in [&shop.orders, &other] {
            let rates = house.list_tax_rates(&shop.guest(), ListRates {}).await.expect("rates");
            assert_eq!(rates, tax(round).tax_rates, "round {round}");
            let found = house.list_shipping_zones(&shop.guest(), ListRates {}).await.expect("zones");
            assert_eq!(found, zones(i64::from(round)).shipping_zones, "round {round}");
        }
    }
}

#[tokio::test]
async fn edits_of_a_cart_through_both_nodes_follow_one_another() {
    let shop = Shop::open().await;
    let Some(other) = shop.neighbour().await else { return };
    let cart = shop.cart(&shop.guest(), &[]).await.id;
    let guest = shop.guest();
    let mut adding = Vec::new();
    for _ in 0..20 {
        for house in [&shop.orders, &other] {
            adding.push(house.add_line(&guest, AddLine { cart, line: line("MUG", 1) }));
        }
    }
    let added = join_all(adding).await;
    assert!(added.iter().all(Result::is_ok));
    for house in [&shop.orders, &other] {
        let seen = house.get_cart(&guest, CartRef { cart }).await.expect("a cart");
        assert_eq!((seen.lines[0].quantity, seen.version), (40, 41));
    }
}

#[tokio::test]
async fn of_making_and_cancelling_an_order_at_two_nodes_one_happens() {
    let shop = Shop::open().await;
    let Some(other) = shop.neighbour().await else { return };
    let (mut made, mut refused) = (0, 0);
    for round in 0..30 {
        let cart = shop.cart(&shop.guest(), &[("EBOOK", 1)]).await.id;
        let create = shop.frozen(cart).await;
        let id = order_of(create.checkout);
        let system = shop.system();
        let cancel = async {
            // Now sooner, now later.
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            other.cancel_order(&system, CancelOrder { order: id, reason: None }).await
        };
        match tokio::join!(shop.orders.create_order(&system, create.clone()), cancel) {
            (Ok(_), Ok(_)) => made += 1,
            (Err(_), Err(Error::UnknownOrder {})) => refused += 1,
            answers => panic!("round {round}: an order that nobody ends: {answers:?}"),
        }
        // Nor can a late repeat make what was refused.
        let again = shop.orders.create_order(&system, create).await;
        let stands = other.cancel_order(&system, CancelOrder { order: id, reason: None }).await;
        assert_eq!(again.is_ok(), stands.is_ok(), "round {round}");
    }
    println!("{made} were made and cancelled, {refused} were never made");
}
