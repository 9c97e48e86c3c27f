//! Full-text search.

use std::time::Duration;

use shoal_contract::products::{
    Error, Facet, NewCategory, NewProduct, ProductRef, Products as _, ReplaceCategory, ReplaceProduct,
    Search, SearchSort,
};
use shoal_types::{Currency, Limit, Money};
use tokio::sync::watch;

use crate::shop::{Shop, category, eur, mug, until, variant};

fn words(text: &str) -> Search {
    Search { text: text.to_owned(), limit: Limit::MAX, ..Search::default() }
}

impl Shop {
    /// The slugs of what is found.
    async fn found(&self, search: &Search) -> Vec<String> {
        let results = self.products.search(&self.anonymous(), search.clone()).await.expect("answers");
        results.hits.iter().map(|hit| hit.product.slug.clone()).collect()
    }

    /// Waits until exactly `slugs` are found; how long it took.
    async fn finds(&self, text: &str, slugs: &[&str]) -> Duration {
        let search = words(text);
        until(async || {
            let mut found = self.found(&search).await;
            found.sort();
            found == slugs
        })
        .await
    }
}

#[tokio::test]
async fn a_change_is_found_within_a_second() {
    let shop = Shop::open().await;
    let relay = shop.relay();
    let second = Duration::from_secs(1);
    let old = shop.mug("stoneware-mug", 1).await;
    assert!(shop.finds("stoneware", &["stoneware-mug"]).await < second);
    let request = ReplaceProduct { id: old.id, expected_version: None, product: mug("porcelain-mug", 1) };
    shop.products.replace_product(&shop.staff(), request).await.expect("replaced");
    assert!(shop.finds("porcelain", &["porcelain-mug"]).await < second);
    assert!(shop.finds("stoneware", &[]).await < second);
    shop.products.archive_product(&shop.staff(), ProductRef::Id(old.id)).await.expect("archived");
    assert!(shop.finds("porcelain", &[]).await < second);
    relay.stop().await;
}

#[tokio::test]
async fn a_search_sees_every_write_that_was_answered_before_it() {
    let shop = Shop::open().await;
    let relay = shop.relay();
    let old = shop.mug("stoneware-mug", 1).await;
    for round in 0..5 {
        let text = format!("porcelain{round}");
        let product = mug(&text, 1);
        let request = ReplaceProduct { id: old.id, expected_version: None, product };
        shop.products.replace_product(&shop.staff(), request).await.expect("replaced");
        assert_eq!(shop.found(&words(&text)).await, [text]);
    }
    shop.products.archive_product(&shop.staff(), ProductRef::Id(old.id)).await.expect("archived");
    assert!(shop.found(&words("porcelain4")).await.is_empty());
    relay.stop().await;
}

async fn furnished() -> Shop {
    let shop = Shop::open().await;
    shop.category("home", None).await;
    let beakers = NewCategory { title: "Beakers".into(), ..category("mugs", Some("home")) };
    shop.products.create_category(&shop.staff(), beakers).await.expect("created");
    let brands = ["Kiln", "Wheel", "Kiln"];
    for (number, slug) in ["stoneware-mug", "tin-mug", "glass-bowl"].into_iter().enumerate() {
        let mut new = mug(slug, 1);
        new.brand = Some(brands[number].to_owned());
        new.category = Some(if number < 2 { "mugs" } else { "home" }.to_owned());
        let price = 1_000 * (3 - i64::try_from(number).expect("small"));
        new.variants[0].prices = vec![eur(price), Money::new(price * 2, Currency::USD)];
        new.attributes.insert("Origin".to_owned(), "Portugal".to_owned());
        shop.create(new).await;
    }
    let values = ["Sand", "Sea"].map(str::to_owned).to_vec();
    let option = shoal_contract::products::ProductOption { name: "Colour".to_owned(), values };
    let variants =
        ["Sand", "Sea"].map(|colour| variant(&format!("WOOL-{colour}"), &[("Colour", colour)], 1)).to_vec();
    let carpet =
        NewProduct { options: vec![option], variants, title: "Wool & <felt>".into(), ..mug("carpet", 1) };
    shop.create(carpet).await;
    shop
}

#[tokio::test]
async fn products_are_found_by_all_that_describes_them() {
    let shop = furnished().await;
    let relay = shop.relay();
    shop.finds("", &["carpet", "glass-bowl", "stoneware-mug", "tin-mug"]).await;
    let mugs = ["stoneware-mug", "tin-mug"];
    for text in ["mug", "mugs", "beaker", "home mug"] {
        let mut found = shop.found(&words(text)).await;
        found.sort();
        assert_eq!(found, mugs, "{text}");
    }
    for (text, slug) in [
        ("stonware", "stoneware-mug"),
        ("stonew", "stoneware-mug"),
        ("TIN-MUG", "tin-mug"),
        ("wheel", "tin-mug"),
        ("wool-sea", "carpet"),
        ("sand", "carpet"),
        ("portugal bowl", "glass-bowl"),
    ] {
        assert_eq!(shop.found(&words(text)).await.first().map(String::as_str), Some(slug), "{text}");
    }
    let results = shop.products.search(&shop.anonymous(), words("wool thrown")).await.expect("answers");
    assert_eq!(results.hits[0].title_html, "<mark>Wool</mark> &amp; &lt;felt&gt;");
    assert_eq!(results.hits[0].description_html.as_deref(), Some("<mark>Thrown</mark> by hand."));
    relay.stop().await;
}

#[tokio::test]
async fn searches_are_narrowed_sorted_and_counted() {
    let shop = furnished().await;
    let relay = shop.relay();
    shop.finds("", &["carpet", "glass-bowl", "stoneware-mug", "tin-mug"]).await;
    let check = async |search: Search, expected: &[&str]| {
        assert_eq!(shop.found(&search).await, expected, "{search:?}");
    };
    let all = || words("");
    check(all(), &["carpet", "glass-bowl", "tin-mug", "stoneware-mug"]).await;
    let cheap = || Search { sort: SearchSort::PriceLow, ..all() };
    check(cheap(), &["glass-bowl", "carpet", "tin-mug", "stoneware-mug"]).await;
    check(
        Search { sort: SearchSort::PriceHigh, ..all() },
        &["stoneware-mug", "tin-mug", "carpet", "glass-bowl"],
    )
    .await;
    check(Search { category: Some("mugs".into()), ..cheap() }, &["tin-mug", "stoneware-mug"]).await;
    check(
        Search { category: Some("home".into()), limit: Limit::new(2).expect("valid"), offset: 1, ..cheap() },
        &["tin-mug", "stoneware-mug"],
    )
    .await;
    check(Search { brands: vec!["Kiln".into()], ..cheap() }, &["glass-bowl", "stoneware-mug"]).await;
    check(Search { price_min: Some(1_500), price_max: Some(2_000), ..cheap() }, &["carpet", "tin-mug"]).await;
    let dollars = Search { currency: Some(Currency::USD), price_min: Some(6_000), ..cheap() };
    check(dollars, &["stoneware-mug"]).await;

    let kiln = Search { brands: vec!["Kiln".into()], category: Some("home".into()), ..all() };
    let results = shop.products.search(&shop.anonymous(), kiln).await.expect("answers");
    let told: Vec<(&str, Vec<(&str, u64)>)> = results.facets.iter().map(counted).collect();
    assert_eq!(told, [("brand", vec![("Kiln", 2), ("Wheel", 1)]), ("category", vec![("home/mugs", 1)])]);
    let results = shop.products.search(&shop.anonymous(), words("wool")).await.expect("answers");
    assert_eq!(counted(&results.facets[0]), ("Colour", vec![("Sand", 1), ("Sea", 1)]));
    assert_eq!((results.total, results.relaxed), (1, false));
    relay.stop().await;
}

fn counted(facet: &Facet) -> (&str, Vec<(&str, u64)>) {
    let values = facet.values.iter().map(|value| (value.value.as_str(), value.count)).collect();
    (facet.field.as_str(), values)
}

#[tokio::test]
async fn a_renamed_category_is_found_by_its_new_name() {
    let shop = furnished().await;
    let relay = shop.relay();
    shop.finds("beaker", &["stoneware-mug", "tin-mug"]).await;
    let listed =
        shop.products.list_categories(&shop.staff(), shoal_contract::products::ListCategories {}).await;
    let listed = listed.expect("answers");
    let mugs = listed.iter().find(|category| category.slug == "mugs").expect("there");
    let renamed = NewCategory { title: "Tankards".into(), ..category("tankards", None) };
    let request = ReplaceCategory { id: mugs.id, category: renamed };
    shop.products.replace_category(&shop.staff(), request).await.expect("renamed");
    shop.finds("tankard", &["stoneware-mug", "tin-mug"]).await;
    shop.finds("beaker", &[]).await;
    let within = Search { category: Some("tankards".into()), ..words("") };
    assert_eq!(shop.found(&within).await, ["tin-mug", "stoneware-mug"]);
    let home = Search { category: Some("home".into()), ..words("") };
    assert_eq!(shop.found(&home).await, ["glass-bowl"]);
    relay.stop().await;
}

#[tokio::test]
async fn a_lost_index_is_filled_again() {
    let shop = furnished().await;
    let (stop, stopped) = watch::channel(false);
    let products = shop.products.clone();
    let jobs = tokio::spawn(async move { products.run_jobs(stopped).await });
    shop.finds("mug", &["stoneware-mug", "tin-mug"]).await;
    stop.send_replace(true);
    jobs.await.expect("ends");
    // Once filled it stays so over a restart where it has a folder, else the first search fills it.
    let shop = shop.reopen().await;
    assert_eq!(shop.found(&words("mug")).await.len(), 2);
    shop.mug("clay-mug", 1).await;
    let relay = shop.relay();
    shop.finds("mug", &["clay-mug", "stoneware-mug", "tin-mug"]).await;
    relay.stop().await;
}

#[tokio::test]
async fn a_search_has_limits() {
    let shop = Shop::open().await;
    let pesos: Currency = "UYU".parse().expect("valid");
    for search in [
        words(&"x".repeat(201)),
        Search { offset: 1_001, ..words("") },
        Search { brands: vec![String::new(); 101], ..words("") },
        Search { currency: Some(pesos), price_min: Some(1), ..words("") },
    ] {
        assert!(matches!(shop.products.search(&shop.anonymous(), search).await, Err(Error::Fault(_))));
    }
    let attic = Search { category: Some("attic".into()), ..words("") };
    let unknown = shop.products.search(&shop.anonymous(), attic).await;
    assert_eq!(unknown.err(), Some(Error::UnknownCategory { slug: "attic".into() }));
}
