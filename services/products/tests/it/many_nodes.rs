//! Two nodes with the product house over the same data.

use std::sync::Arc;

use futures::future::join_all;
use shoal_contract::products::{
    Error, LookUp, Product, ProductRef, ProductStatus, Products as _, ReplaceProduct, Search,
};
use shoal_products::Products;
use shoal_sql::{Tx, params};

use crate::shop::{Shop, category, eur, mug};

shoal_sql::statements! {
    mod sql {
        FORGET_CHANGES = "delete from catalogue_changes where number < $1";
        ALL_CHANGES = "select count(*) from catalogue_changes";
        LAST_NUMBER = "select changes from category_trees";
    }
}

/// A shop and its house on another node; none where data has one owner.
async fn two() -> Option<(Shop, Products)> {
    let shop = Shop::open().await;
    if !shop.is_shared() {
        println!("skipped: embedded data has one owner; SHOAL_TEST_POSTGRES names a server");
        return None;
    }
    let other = shop.neighbour().await;
    Some((shop, other))
}

/// The mug with another price.
fn at(product: &Product, cents: i64) -> ReplaceProduct {
    let mut next = mug(&product.slug, 0);
    next.variants[0].prices = vec![eur(cents)];
    ReplaceProduct { id: product.id, expected_version: None, product: next }
}

async fn price(shop: &Shop, house: &Products, slug: &str) -> i64 {
    let found = house.get_product(&shop.anonymous(), ProductRef::Slug(slug.to_owned())).await.expect("found");
    let offers = house.look_up(&shop.anonymous(), LookUp { skus: vec![slug.to_uppercase()] }).await;
    let offers = offers.expect("found");
    let offer = offers[0].as_ref().expect("for sale").price(eur(0).currency).expect("priced");
    assert_eq!(found.variants[0].prices[0], offer);
    offer.amount
}

async fn found(shop: &Shop, house: &Products, text: &str) -> Vec<Arc<Product>> {
    let search = Search { text: text.to_owned(), ..Search::default() };
    let results = house.search(&shop.anonymous(), search).await.expect("answers");
    results.hits.into_iter().map(|hit| hit.product).collect()
}

#[tokio::test]
async fn what_one_node_has_answered_the_other_shows() {
    let Some((shop, other)) = two().await else { return };
    let cup = shop.mug("cup", 1).await;
    for round in 1..=50 {
        let (writer, reader) =
            if round % 2 == 0 { (&shop.products, &other) } else { (&other, &shop.products) };
        writer.replace_product(&shop.staff(), at(&cup, round)).await.expect("replaced");
        let reads = join_all((0..8).map(|_| price(&shop, reader, "cup"))).await;
        assert_eq!(reads, [round; 8], "round {round}");
    }
}

#[tokio::test]
async fn a_node_that_has_missed_changes_starts_over() {
    let Some((shop, other)) = two().await else { return };
    let cup = shop.mug("cup", 1).await;
    assert_eq!((price(&shop, &other, "cup").await, found(&shop, &other, "cup").await.len()), (1_999, 1));
    shop.products.replace_product(&shop.staff(), at(&cup, 500)).await.expect("replaced");
    shop.mug("bowl", 1).await;
    let cx = shop.system();
    let db = shop.products.database();
    let last = db.read(&cx, async |tx| tx.find::<i64>(sql::LAST_NUMBER, params![]).await).await;
    let last = last.expect("read").expect("counted");
    let forget = async move |tx: &mut Tx| tx.execute(sql::FORGET_CHANGES, params![last]).await;
    assert!(db.write(&cx, forget).await.expect("removed") >= 2, "what the other has heard of is gone");
    assert_eq!(price(&shop, &other, "cup").await, 500);
    assert_eq!(found(&shop, &other, "bowl").await.len(), 1);
    assert_eq!(found(&shop, &other, "").await.len(), 2);
}

#[tokio::test]
async fn a_category_that_one_node_removes_gets_no_product_through_the_other() {
    let Some((shop, other)) = two().await else { return };
    for round in 0..20 {
        let slug = format!("shelf-{round}");
        let made = shop.products.create_category(&shop.staff(), category(&slug, None)).await.expect("made");
        let mut new = mug(&format!("cup-{round}"), 1);
        new.category = Some(slug.clone());
        let (staff, which) = (shop.staff(), shoal_contract::products::CategoryRef { id: made.id });
        let answers =
            tokio::join!(shop.products.create_product(&staff, new), other.remove_category(&staff, which));
        match answers {
            (Ok(product), Err(Error::CategoryInUse {})) => assert_eq!(product.category_path.len(), 1),
            (Err(Error::UnknownCategory { .. }), Ok(())) => {}
            answers => panic!("round {round}: {answers:?}"),
        }
    }
}

#[tokio::test]
async fn imports_and_edits_at_both_nodes_leave_every_index_with_what_is_there() {
    let Some((shop, other)) = two().await else { return };
    let products: Vec<_> = (0..40).map(|number| mug(&format!("pot-{number}"), 1)).collect();
    let system = shop.system();
    let import = |house: &Products, rows: &[shoal_contract::products::NewProduct]| {
        let request = shoal_contract::products::ImportProducts { products: rows.to_vec(), dry_run: false };
        let (house, cx) = (house.clone(), system.clone());
        async move { house.import_products(&cx, request).await.expect("imported") }
    };
    // Half of the rows are the same at both.
    tokio::join!(import(&shop.products, &products[..30]), import(&other, &products[10..]));
    for house in [&shop.products, &other] {
        let search = Search { limit: shoal_types::Limit::MAX, ..Search::default() };
        let results = house.search(&shop.anonymous(), search).await.expect("answers");
        assert_eq!(results.total, 40);
        assert!(results.hits.iter().all(|hit| hit.product.status == ProductStatus::Active));
    }
    let cx = shop.system();
    let noted =
        shop.products.database().read(&cx, async |tx| tx.find::<i64>(sql::ALL_CHANGES, params![]).await);
    assert!(noted.await.expect("read") >= Some(40));
}
