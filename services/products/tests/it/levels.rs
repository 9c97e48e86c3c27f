//! What the house tells of prices and of stock: each crossing of a level once, whoever crosses it.

use std::time::Duration;

use futures::future::join_all;
use serde::de::DeserializeOwned;
use shoal_contract::events::{
    ProductBackInStock, ProductChanged, ProductField, ProductOutOfStock, ProductPriceChanged, ProductStockLow,
};
use shoal_contract::products::{
    Product, Products as _, ReplaceProduct, ReservationRef, Reserve, Restock, StockChange,
};
use shoal_products::{Options, Products};
use shoal_sql::params;

use crate::shop::{Shop, eur, line, mug, variant};

const LOW: &str = "product.stock_low";
const OUT: &str = "product.out_of_stock";
const BACK: &str = "product.back_in_stock";

shoal_sql::statements! {
    mod sql {
        STOCK_EVENTS = "select sequence, kind, data from outbox where aggregate = $1 order by sequence";
        PRODUCT_EVENTS = "select sequence, kind, data from outbox where subject = $1 order by sequence, kind";
    }
}

type Row = (u64, String, String);

/// What was told of the stock of the product's one variant, in its order.
async fn told(shop: &Shop, product: &Product) -> Vec<Row> {
    let variant = product.variants[0].id;
    let read =
        async move |tx: &mut shoal_sql::ReadTx| tx.list::<Row>(sql::STOCK_EVENTS, params![variant]).await;
    let told = shop.products.database().read(&shop.system(), read).await.expect("read");
    let sequences: Vec<u64> = told.iter().map(|(sequence, ..)| *sequence).collect();
    assert_eq!(sequences, (1..=told.len() as u64).collect::<Vec<_>>(), "numbered without a gap");
    told
}

fn kinds(told: &[Row]) -> Vec<&str> {
    told.iter().map(|(_, kind, _)| kind.as_str()).collect()
}

fn data<T: DeserializeOwned>(row: &Row) -> T {
    serde_json::from_str(&row.2).expect("data of its type")
}

/// Asks a house for as many holds of one piece; how many it gave.
async fn rush(shop: &Shop, house: &Products, product: &Product, buyers: usize) -> usize {
    let cx = shop.system();
    let expires_at = shop.env.now().plus(Duration::from_secs(600));
    let asks = (0..buyers).map(|_| {
        let request = Reserve { key: shop.key(), lines: vec![line(product, 1)], expires_at };
        house.reserve(&cx, request)
    });
    join_all(asks).await.into_iter().filter(Result::is_ok).count()
}

#[tokio::test]
async fn a_flash_sale_tells_once_that_stock_is_low_and_once_that_it_is_out() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 100).await;
    let other = shop.neighbour().await;
    let sold = tokio::join!(rush(&shop, &shop.products, &mug, 300), rush(&shop, &other, &mug, 300));
    assert_eq!(sold.0 + sold.1, 100);
    let told = told(&shop, &mug).await;
    assert_eq!(kinds(&told), [LOW, OUT]);
    let low: ProductStockLow = data(&told[0]);
    assert_eq!((low.product, low.variant, low.sku.as_str()), (mug.id, mug.variants[0].id, "MUG"));
    assert!((0..=5).contains(&low.available) && low.threshold == 5, "{low:?}");
    let out: ProductOutOfStock = data(&told[1]);
    assert_eq!((out.product, out.variant, out.sku.as_str()), (mug.id, mug.variants[0].id, "MUG"));
}

#[tokio::test]
async fn whatever_brings_pieces_tells_that_they_are_back() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 1).await;
    // Held and released, held and run out, sold and brought back, written off and received.
    let key = shop.key();
    shop.reserve(key, &[(&mug, 1)]).await.expect("held");
    shop.release(key).await.expect("released");
    shop.reserve(shop.key(), &[(&mug, 1)]).await.expect("held");
    shop.clock.advance(Duration::from_secs(601));
    assert_eq!(shop.products.expire_holds(&shop.system()).await, Ok(1));
    let key = shop.key();
    shop.reserve(key, &[(&mug, 1)]).await.expect("held");
    shop.confirm(key).await.expect("sold");
    let goods = Restock { key, lines: vec![line(&mug, 1)], reason: None };
    for _ in 0..2 {
        shop.products.restock(&shop.system(), goods.clone()).await.expect("back, and a repeat");
    }
    shop.adjust("MUG", StockChange::Correct(-1)).await.expect("written off");
    shop.adjust("MUG", StockChange::Receive(7)).await.expect("received");
    shop.adjust("MUG", StockChange::Count(0)).await.expect("counted");
    shop.adjust("MUG", StockChange::Count(3)).await.expect("counted again");
    let told = told(&shop, &mug).await;
    assert_eq!(kinds(&told), [OUT, BACK, OUT, BACK, OUT, BACK, OUT, BACK, LOW, OUT, BACK]);
    let available = |row: &Row| data::<ProductBackInStock>(row).available;
    assert_eq!((available(&told[1]), available(&told[7]), available(&told[10])), (1, 7, 3));
}

#[tokio::test]
async fn two_nodes_at_once_tell_each_crossing_once_and_in_order() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 3).await;
    let other = shop.neighbour().await;
    let cx = shop.system();
    let expires_at = shop.env.now().plus(Duration::from_secs(600));
    let visits = (0..120).map(|visit| {
        let house = if visit % 2 == 0 { &shop.products } else { &other };
        let (key, lines, cx) = (shop.key(), vec![line(&mug, 1 + visit % 3)], &cx);
        async move {
            if house.reserve(cx, Reserve { key, lines, expires_at }).await.is_ok() {
                house.release(cx, ReservationRef { key }).await.expect("released");
            }
        }
    });
    join_all(visits).await;
    assert_eq!(shop.counts("MUG").await, (3, 0));
    // There were never more than 3, so only the last piece's going and coming is told: by turns, each once.
    let told = told(&shop, &mug).await;
    let turns: Vec<&str> = [OUT, BACK].into_iter().cycle().take(told.len()).collect();
    assert_eq!(kinds(&told), turns);
    assert!(told.len() >= 2 && told.len() % 2 == 0, "{}", told.len());
}

#[tokio::test]
async fn only_who_crosses_a_level_pays_for_telling_it() {
    let shop = Shop::open().await;
    let mug = shop.mug("mug", 8).await;
    let mut costs = Vec::new();
    for quantity in [1, 2, 1, 4] {
        let before = shop.statements();
        shop.reserve(shop.key(), &[(&mug, quantity)]).await.expect("held");
        costs.push(shop.statements() - before);
    }
    let hold = costs[0];
    assert_eq!(costs, [hold, hold + 2, hold, hold + 2]);
}

#[tokio::test]
async fn a_shop_says_from_where_on_stock_is_low() {
    for (low_stock, expected) in [(2, vec![LOW, OUT]), (0, vec![OUT])] {
        let shop = Shop::open_as(|options| Options { low_stock, ..options }).await;
        let mug = shop.mug("mug", 4).await;
        shop.reserve(shop.key(), &[(&mug, 1)]).await.expect("held");
        assert_eq!(kinds(&told(&shop, &mug).await), [""; 0]);
        shop.reserve(shop.key(), &[(&mug, 2)]).await.expect("held");
        shop.reserve(shop.key(), &[(&mug, 1)]).await.expect("held");
        assert_eq!(kinds(&told(&shop, &mug).await), expected);
    }
}

#[tokio::test]
async fn nothing_is_told_of_a_variant_that_is_no_longer_sold() {
    let shop = Shop::open().await;
    let old = shop.mug("mug", 1).await;
    let key = shop.key();
    shop.reserve(key, &[(&old, 1)]).await.expect("held");
    shop.confirm(key).await.expect("sold");
    let mut next = mug("mug", 0);
    next.variants = vec![variant("MUG-2", &[], 0)];
    let request = ReplaceProduct { id: old.id, expected_version: None, product: next };
    shop.products.replace_product(&shop.staff(), request).await.expect("replaced");
    let goods = Restock { key, lines: vec![line(&old, 1)], reason: None };
    shop.products.restock(&shop.system(), goods).await.expect("back");
    assert_eq!(kinds(&told(&shop, &old).await), [OUT]);
}

#[tokio::test]
async fn a_change_of_prices_is_told_with_the_old_and_the_new_ones() {
    let shop = Shop::open().await;
    let old = shop.mug("mug", 1).await;
    let mut next = mug("mug", 0);
    next.title = "Mug of clay".to_owned();
    next.variants[0].prices = vec![eur(1_799)];
    let replace = |product| ReplaceProduct { id: old.id, expected_version: None, product };
    shop.products.replace_product(&shop.staff(), replace(next.clone())).await.expect("replaced");
    next.description = "Thrown by foot.".to_owned();
    shop.products.replace_product(&shop.staff(), replace(next)).await.expect("replaced");

    let subject = old.id.to_string();
    let read =
        async move |tx: &mut shoal_sql::ReadTx| tx.list::<Row>(sql::PRODUCT_EVENTS, params![&subject]).await;
    let told = shop.products.database().read(&shop.system(), read).await.expect("read");
    let names: Vec<_> = told.iter().map(|(sequence, kind, _)| (*sequence, kind.as_str())).collect();
    let expected = [
        (1, "product.created"),
        (2, "product.changed"),
        (2, "product.price_changed"),
        (3, "product.changed"),
    ];
    assert_eq!(names, expected);
    let changed: ProductChanged = data(&told[1]);
    assert_eq!(changed.changed, [ProductField::Title, ProductField::Variants]);
    let prices: ProductPriceChanged = data(&told[2]);
    assert_eq!(prices.slug, "mug");
    let [price] = &prices.variants[..] else { panic!("{prices:?}") };
    assert_eq!((price.variant, price.sku.as_str()), (old.variants[0].id, "MUG"));
    assert_eq!((&price.old[..], &price.new[..]), (&[eur(1_999)][..], &[eur(1_799)][..]));
    assert_eq!(data::<ProductChanged>(&told[3]).changed, [ProductField::Description]);
}
