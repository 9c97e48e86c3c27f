use shoal_contract::orders::{Cart, CartRef, CartStatus, Error, NewCart, Orders as _};
use shoal_types::{Context, Fact, Kind};

use crate::shop::{Shop, line, skus};

async fn merge(shop: &Shop, cx: &Context, cart: &Cart) -> Result<Cart, Error> {
    shop.orders.merge_cart(cx, CartRef { cart: cart.id }).await
}

#[tokio::test]
async fn merging_at_login_loses_no_line() {
    let shop = Shop::open().await;
    let (id, cx) = shop.customer();
    let own = shop.cart(&cx, &[("MUG", 1), ("EBOOK", 1)]).await;
    let guest = shop.cart(&shop.guest(), &[("BOWL", 2), ("MUG", 3)]).await;
    let merged = merge(&shop, &cx, &guest).await.expect("merged");
    assert_eq!((merged.id, merged.customer), (own.id, Some(id)));
    assert_eq!(skus(&merged), [("MUG", 4), ("EBOOK", 1), ("BOWL", 2)]);
    assert_eq!(merge(&shop, &cx, &guest).await, Ok(merged.clone()), "once more changes nothing");
    assert_eq!(merge(&shop, &cx, &merged).await, Ok(merged), "one's own cart is merged already");
}

#[tokio::test]
async fn merging_makes_a_cart_if_there_is_none() {
    let shop = Shop::open().await;
    let (id, cx) = shop.customer();
    let guest = shop.cart(&shop.guest(), &[("BOWL", 2)]).await;
    let merged = merge(&shop, &cx, &guest).await.expect("merged");
    assert_eq!((merged.customer, skus(&merged)), (Some(id), vec![("BOWL", 2)]));
    assert_ne!(merged.id, guest.id);
    assert_eq!(merged.email, guest.email);
    let left = shop.get(&shop.guest(), guest.id).await.expect("what remains");
    assert_eq!((left.status, left.lines.len()), (CartStatus::Merged, 0));
    assert_eq!(shop.add(&shop.guest(), guest.id, "MUG", 1).await, Err(Error::UnknownCart {}));
}

#[tokio::test]
async fn a_full_cart_takes_no_more_lines_and_the_guests_stays() {
    let shop = Shop::open().await;
    let (_, cx) = shop.customer();
    let many = |letter: &str| -> NewCart {
        let skus = (0..300).map(|number| format!("{letter}-{number}")).collect::<Vec<_>>();
        skus.iter().for_each(|sku| shop.catalogue.sell(shop.offer(sku, 100)));
        let lines = skus.iter().map(|sku| line(sku, 1)).collect();
        NewCart { currency: None, lines, details: Default::default() }
    };
    shop.orders.create_cart(&cx, many("A")).await.expect("a cart");
    let guest = shop.orders.create_cart(&shop.guest(), many("B")).await.expect("a cart");
    assert_eq!(merge(&shop, &cx, &guest).await, Err(Error::TooManyLines {}));
    assert_eq!(shop.get(&shop.guest(), guest.id).await, Ok(guest));
}

#[tokio::test]
async fn only_an_open_guest_cart_can_be_merged_and_only_after_login() {
    let shop = Shop::open().await;
    let ((_, ada), (_, ben)) = (shop.customer(), shop.customer());
    let bens = shop.cart(&ben, &[("MUG", 1)]).await;
    assert_eq!(merge(&shop, &ada, &bens).await, Err(Error::UnknownCart {}));
    let guest = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let refused = merge(&shop, &shop.guest(), &guest).await.expect_err("nobody");
    assert_eq!(refused.kind(), Kind::Unauthenticated);

    merge(&shop, &ben, &guest).await.expect("merged");
    assert_eq!(merge(&shop, &ada, &guest).await, Err(Error::UnknownCart {}), "it went into another's cart");

    let paying = shop.cart(&shop.guest(), &[("MUG", 1)]).await;
    let checkout = shop.frozen(paying.id).await.checkout;
    let busy = Error::CartBusy { checkout: checkout.to_string() };
    assert_eq!(merge(&shop, &ada, &paying).await, Err(busy));
}

#[tokio::test]
async fn a_cart_is_merged_into_the_next_one_after_the_last_was_ordered() {
    let shop = Shop::open().await;
    let (_, cx) = shop.customer();
    shop.placed(&cx, &[("MUG", 1)]).await;
    let guest = shop.cart(&shop.guest(), &[("BOWL", 1)]).await;
    let merged = merge(&shop, &cx, &guest).await.expect("merged");
    assert_eq!((merged.status, skus(&merged)), (CartStatus::Open, vec![("BOWL", 1)]));
}
