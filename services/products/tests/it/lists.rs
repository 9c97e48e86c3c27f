//! Pages of products.

use shoal_contract::products::{
    Error, ListProducts, NewProduct, ProductRef, ProductSort, ProductStatus, Products as _,
};
use shoal_types::{Context, Currency, Limit, Money, PageRequest};

use crate::shop::{Shop, eur, mug};

/// The slugs of a whole list, read by pages of `limit`.
async fn slugs(shop: &Shop, cx: &Context, asked: &ListProducts, limit: u32) -> Vec<String> {
    let mut all = Vec::new();
    let mut page = PageRequest { limit: Limit::new(limit).expect("in range"), cursor: None };
    loop {
        let asked = ListProducts { page: page.clone(), ..asked.clone() };
        let found = shop.products.list_products(cx, asked).await.expect("answers");
        all.extend(found.items.iter().map(|product| product.slug.clone()));
        match found.next {
            None => return all,
            next => page.cursor = next,
        }
    }
}

fn sorted(sort: ProductSort) -> ListProducts {
    ListProducts { sort, ..ListProducts::default() }
}

/// Six mugs of two makers in two categories; the fifth is a draft, the sixth is archived.
async fn shop() -> Shop {
    let shop = Shop::open().await;
    shop.category("home", None).await;
    shop.category("kitchen", Some("home")).await;
    for (number, (slug, price, category)) in [
        ("delta", 300, Some("kitchen")),
        ("alpha", 100, Some("home")),
        ("charlie", 300, Some("kitchen")),
        ("bravo", 200, None),
        ("echo", 50, Some("kitchen")),
        ("foxtrot", 60, Some("kitchen")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut new = mug(slug, 1);
        new.variants[0].prices = vec![eur(price), Money::new(1_000 - price, Currency::USD)];
        new.category = category.map(str::to_owned);
        new.brand = Some(if number % 2 == 0 { "Kiln" } else { "Wheel" }.to_owned());
        new.status = if slug == "echo" { ProductStatus::Draft } else { ProductStatus::Active };
        shop.create(new).await;
    }
    shop.products.archive_product(&shop.staff(), ProductRef::Slug("foxtrot".into())).await.expect("archived");
    shop
}

#[tokio::test]
async fn every_sort_pages_without_loss() {
    let shop = shop().await;
    let cx = shop.anonymous();
    for (sort, expected) in [
        (ProductSort::Newest, ["bravo", "charlie", "alpha", "delta"]),
        (ProductSort::Title, ["alpha", "bravo", "charlie", "delta"]),
        (ProductSort::PriceLow, ["alpha", "bravo", "delta", "charlie"]),
        (ProductSort::PriceHigh, ["charlie", "delta", "bravo", "alpha"]),
    ] {
        for limit in [1, 2, 3, 100] {
            assert_eq!(slugs(&shop, &cx, &sorted(sort), limit).await, expected, "{sort:?} by {limit}");
        }
    }
    let dollars = ListProducts { currency: Some(Currency::USD), ..sorted(ProductSort::PriceLow) };
    assert_eq!(slugs(&shop, &cx, &dollars, 2).await, ["delta", "charlie", "bravo", "alpha"]);
    let pounds = ListProducts { currency: Some(Currency::GBP), ..sorted(ProductSort::PriceLow) };
    assert_eq!(slugs(&shop, &cx, &pounds, 2).await, [""; 0]);
}

#[tokio::test]
async fn lists_are_narrowed_in_every_order() {
    let shop = shop().await;
    let cx = shop.customer();
    for sort in [ProductSort::Newest, ProductSort::Title, ProductSort::PriceLow, ProductSort::PriceHigh] {
        let check = async |asked: ListProducts, expected: &[&str]| {
            for limit in [1, 100] {
                let mut found = slugs(&shop, &cx, &asked, limit).await;
                found.sort();
                assert_eq!(found, expected, "{asked:?}");
            }
        };
        let all = || sorted(sort);
        let category = |slug: &str| Some(slug.to_owned());
        check(ListProducts { category: category("home"), ..all() }, &["alpha", "charlie", "delta"]).await;
        check(ListProducts { category: category("kitchen"), ..all() }, &["charlie", "delta"]).await;
        check(ListProducts { brand: Some("Wheel".into()), ..all() }, &["alpha", "bravo"]).await;
        let both = ListProducts { category: category("home"), brand: Some("Kiln".into()), ..all() };
        check(both, &["charlie", "delta"]).await;
        check(ListProducts { price_min: Some(101), price_max: Some(299), ..all() }, &["bravo"]).await;
        check(ListProducts { price_max: Some(200), ..all() }, &["alpha", "bravo"]).await;
        let dear = ListProducts { price_min: Some(250), category: category("home"), ..all() };
        check(dear, &["charlie", "delta"]).await;
        check(ListProducts { price_min: Some(300), price_max: Some(1), ..all() }, &[]).await;
    }
    let attic = ListProducts { category: Some("attic".into()), ..ListProducts::default() };
    let unknown = shop.products.list_products(&cx, attic).await;
    assert_eq!(unknown.err(), Some(Error::UnknownCategory { slug: "attic".into() }));
}

#[tokio::test]
async fn staff_see_every_state_and_customers_active_ones() {
    let shop = shop().await;
    let staff = shop.staff();
    for limit in [1, 4, 100] {
        let all = slugs(&shop, &staff, &ListProducts::default(), limit).await;
        assert_eq!(all, ["foxtrot", "echo", "bravo", "charlie", "alpha", "delta"]);
    }
    let drafts = ListProducts { status: Some(ProductStatus::Draft), ..ListProducts::default() };
    assert_eq!(slugs(&shop, &staff, &drafts, 10).await, ["echo"]);
    assert_eq!(slugs(&shop, &shop.customer(), &drafts, 10).await.len(), 4);
    let archived = ListProducts {
        status: Some(ProductStatus::Archived),
        category: Some("home".into()),
        ..sorted(ProductSort::PriceLow)
    };
    assert_eq!(slugs(&shop, &staff, &archived, 10).await, ["foxtrot"]);
}

#[tokio::test]
async fn a_cursor_serves_its_own_list() {
    let shop = shop().await;
    let cx = shop.anonymous();
    let first = |sort| ListProducts {
        page: PageRequest { limit: Limit::new(1).expect("in range"), cursor: None },
        ..sorted(sort)
    };
    let page = shop.products.list_products(&cx, first(ProductSort::Newest)).await.expect("answers");
    for sort in [ProductSort::Title, ProductSort::PriceLow] {
        let mut asked = first(sort);
        asked.page.cursor = page.next.clone();
        assert!(matches!(shop.products.list_products(&cx, asked).await, Err(Error::Fault(_))), "{sort:?}");
    }
}

#[tokio::test]
async fn a_long_title_pages_too() {
    let shop = Shop::open().await;
    let long = "𝔐".repeat(300);
    for slug in ["a", "b", "c"] {
        shop.create(NewProduct { title: long.clone(), ..mug(slug, 1) }).await;
    }
    assert_eq!(slugs(&shop, &shop.anonymous(), &sorted(ProductSort::Title), 1).await, ["a", "b", "c"]);
}
