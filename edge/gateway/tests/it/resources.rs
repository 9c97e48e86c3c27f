use std::sync::Mutex;

use serde_json::Value;
use shoal_contract::products::{self, LookUp, ProductRef, Search, SearchResults};

use crate::shop::{Answer, Api, Shop, id, product};

async fn known(api: &Api, path: &str, tag: &str) -> Answer {
    api.send(&format!("GET {path}"), &[("if-none-match", tag)], Value::Null).await
}

#[tokio::test]
async fn a_product_is_found_by_id_and_by_slug_and_not_sent_again() {
    let api = Shop::new()
        .on("products", "get_product", |_, asked: ProductRef| match asked {
            ProductRef::Id(asked) if asked == id(5) => Ok(product("Mug")),
            ProductRef::Slug(slug) if slug == "mug" => Ok(product("Mug")),
            _ => Err(products::Error::UnknownProduct {}),
        })
        .open();
    let by_id = api.get(&format!("/v1/products/{}", id::<products::ProductNoun>(5))).await;
    let by_slug = api.get("/v1/products/mug").await;
    assert_eq!(by_id.body, by_slug.body);
    assert_eq!(by_id.header("etag"), Some("\"v7\""));
    let again = known(&api, "/v1/products/mug", "\"v7\"").await;
    assert_eq!((again.says(), again.body.len()), ("304".into(), 0));
    assert_eq!(known(&api, "/v1/products/mug", "\"v6\"").await.says(), "200");
    assert_eq!(api.get("/v1/products/no-such-mug").await.says(), "404 unknown_product");
    assert_eq!(api.get("/v1/products/a%00b").await.says(), "404 not_found");
}

#[tokio::test]
async fn a_written_product_is_never_older_than_the_service() {
    let titles = Mutex::new(vec!["Mug", "Mug", "Cup"].into_iter());
    let api = Shop::new()
        .on("products", "get_product", move |_, _: ProductRef| {
            let title = titles.lock().ok().and_then(|mut titles| titles.next()).unwrap_or("Bowl");
            Ok::<_, products::Error>(product(title))
        })
        .open();
    for title in ["Mug", "Mug", "Cup", "Bowl"] {
        assert_eq!(api.get("/v1/products/mug").await.json()["title"], title);
    }
}

#[tokio::test]
async fn a_sku_may_hold_a_comma() {
    let api = Shop::new()
        .on("products", "get_stock", |_, asked: LookUp| {
            assert_eq!(asked.skus, ["A,1", "B"]);
            Ok::<_, products::Error>(vec![None::<products::Stock>, None])
        })
        .open();
    assert_eq!(api.get("/v1/stock?sku=A%2C1&sku=B").await.text(), r#"{"stock":[]}"#);
    assert_eq!(api.get("/v1/stock").await.says(), "422 invalid_request");
    assert_eq!(api.get("/v1/stock?sku=A&sort=up").await.says(), "422 invalid_request");
}

#[tokio::test]
async fn a_search_takes_several_brands() {
    let api = Shop::new()
        .on("products", "search", |_, asked: Search| {
            assert_eq!((asked.text.as_str(), asked.offset), ("red mug", 20));
            assert_eq!(asked.brands, ["Sprat, Daughters & Co", "Gull"]);
            Ok::<_, products::Error>(SearchResults { hits: vec![], total: 0, relaxed: false, facets: vec![] })
        })
        .open();
    let path = "/v1/search?q=red+mug&brand=Sprat%2C+Daughters+%26+Co&brand=Gull&offset=20";
    assert_eq!(api.get(path).await.says(), "200");
    assert_eq!(api.get("/v1/search?q=a&q=b").await.says(), "422 invalid_request");
}

#[tokio::test]
async fn a_path_or_method_that_does_not_exist_is_a_problem() {
    let api = Shop::new().open();
    assert_eq!(api.get("/v1/prodcuts").await.says(), "404 route_not_found");
    assert_eq!(api.send("DELETE /v1/search", &[], Value::Null).await.says(), "405 method_not_allowed");
    assert_eq!(api.get("/v1/orders/order_1").await.says(), "404 not_found");
}
