//! Products and categories.

use serde_json::{Value, json};
use shoal_testkit::{Answer, Client};

use super::{NOTHING, Talk, product};

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let customer = talk.customer("fred").await;
    grows_a_tree(talk, &customer).await;
    let jug = makes_products(talk, &customer).await;
    changes_a_product(talk, &customer, &jug).await;
    walks_lists(talk).await;
    hides_drafts_and_archived(talk, &customer).await;
}

async fn grows_a_tree(talk: &mut Talk<'_>, customer: &Client) {
    let staff = talk.staff.clone();
    talk.ask(talk.guest.get("/v1/categories"), 200).await;
    let category = |slug: &str, parent: Value| json!({"slug": slug, "title": slug, "parent": parent});
    let kitchen = category("kitchen", Value::Null);
    talk.only_for_staff(customer, |who| who.post("/v1/categories", &kitchen)).await;
    let made = talk.ask(staff.post("/v1/categories", &kitchen).key("kitchen"), 201).await;
    let again = talk.ask(staff.post("/v1/categories", &kitchen).key("kitchen"), 201).await;
    assert_eq!(again.body, made.body, "a key gives the first answer");
    let kitchen = made.text("/id");
    talk.ask(talk.guest.get("/v1/categories"), 200).await;
    let jugs =
        talk.ask(staff.post("/v1/categories", &category("jugs", json!("kitchen"))), 201).await.text("/id");
    talk.ask(talk.guest.get("/v1/categories"), 200).await;
    let books =
        talk.ask(staff.post("/v1/categories", &category("books", Value::Null)), 201).await.text("/id");
    talk.refuse(staff.post("/v1/categories", &category("jugs", Value::Null)), 409, "slug_taken").await;
    talk.refuse(staff.post("/v1/categories", &category("x", json!("nowhere"))), 404, "unknown_category")
        .await;
    talk.refuse(staff.post("/v1/categories", &category("No Slug", Value::Null)), 422, "invalid_request")
        .await;

    let path = |id: &str| format!("/v1/categories/{id}");
    let below_itself = category("kitchen", json!("jugs"));
    talk.refuse(staff.put(path(&kitchen), &below_itself), 409, "category_cycle").await;
    talk.only_for_staff(customer, |who| who.put(path(&jugs), &below_itself)).await;
    let renamed = json!({"slug": "jugs", "title": "Jugs and pots", "parent": "kitchen", "position": 2});
    talk.ask(staff.put(path(&jugs), &renamed), 200).await;
    talk.ask(talk.guest.get("/v1/categories"), 200).await;
    talk.refuse(staff.put(path(&format!("category_{NOTHING}")), &renamed), 404, "unknown_category").await;
    talk.only_for_staff(customer, |who| who.delete(path(&books))).await;
    talk.refuse(staff.delete(path(&kitchen)), 409, "category_in_use").await;
    talk.ask(staff.delete(path(&books)), 204).await;
    talk.ask(talk.guest.get("/v1/categories"), 200).await;
}

/// A product with options, in a category.
fn jug(price: i64) -> Value {
    let variant = |size: &str| {
        json!({"sku": format!("JUG-{size}"), "options": {"Size": size}, "weight_g": 400, "stock": 7,
            "prices": [{"amount": price, "currency": "EUR"}, {"amount": price + 100, "currency": "USD"}]})
    };
    json!({"slug": "water-jug", "title": "Water jug", "description": "Holds water & more.", "brand": "Gull",
        "category": "jugs", "options": [{"name": "Size", "values": ["S", "L"]}],
        "variants": [variant("S"), variant("L")], "images": [{"url": "/media/pot.svg", "alt": "A jug"}],
        "attributes": {"colour": "blue"}})
}

async fn makes_products(talk: &mut Talk<'_>, customer: &Client) -> Answer {
    let (staff, guest) = (talk.staff.clone(), talk.guest.clone());
    talk.ask(guest.get("/v1/products"), 200).await;
    talk.only_for_staff(customer, |who| who.post("/v1/products", &jug(2500))).await;
    let made = talk.ask(staff.post("/v1/products", &jug(2500)).key("jug"), 201).await;
    let again = talk.ask(staff.post("/v1/products", &jug(2500)).key("jug"), 201).await;
    assert_eq!(again.body, made.body, "a key gives the first answer");
    talk.ask(guest.get(made.header("location")), 200).await;
    talk.ask(guest.get("/v1/products/water-jug"), 200).await;
    talk.refuse(staff.post("/v1/products", &jug(2600)).key("jug"), 422, "idempotency_key_reused").await;
    talk.refuse(staff.post("/v1/products", &jug(2500)), 409, "slug_taken").await;
    talk.refuse(staff.post("/v1/products", &product("jug-s", 1)), 409, "sku_taken").await;
    let mut lost = product("lost", 1);
    lost["category"] = "nowhere".into();
    talk.refuse(staff.post("/v1/products", &lost), 404, "unknown_category").await;
    talk.refuse(staff.post("/v1/products", &json!({"title": ""})), 422, "invalid_request").await;
    for id in [format!("product_{NOTHING}"), "nothing-of-that-name".to_owned()] {
        talk.refuse(guest.get(format!("/v1/products/{id}")), 404, "unknown_product").await;
    }
    made
}

async fn changes_a_product(talk: &mut Talk<'_>, customer: &Client, jug_made: &Answer) {
    let (staff, guest) = (talk.staff.clone(), talk.guest.clone());
    let path = format!("/v1/products/{}", jug_made.text("/id"));
    let seen = talk.ask(guest.get(&path), 200).await;
    let tag = seen.header("etag").to_owned();
    talk.ask(guest.get(&path).header("if-none-match", &tag), 304).await;
    talk.only_for_staff(customer, |who| who.put(&path, &jug(2600)).header("if-match", &tag)).await;
    let changed = talk.ask(staff.put(&path, &jug(2600)).header("if-match", &tag), 200).await;
    for _ in 0..3 {
        let now = talk.ask(guest.get(&path), 200).await;
        assert_eq!(now.body, changed.body, "a change is seen at once");
    }
    talk.ask(guest.get(&path).header("if-none-match", &tag), 200).await;
    talk.ask(guest.get(&path).header("if-none-match", changed.header("etag")), 304).await;
    talk.refuse(staff.put(&path, &jug(2700)).header("if-match", &tag), 412, "product_changed").await;
    talk.refuse(staff.put(&path, &jug(2700)).header("if-match", "v1"), 400, "if_match_invalid").await;
    let nothing = format!("/v1/products/product_{NOTHING}");
    talk.refuse(staff.put(nothing, &product("x", 0)).header("if-match", &tag), 404, "unknown_product").await;
    // Another slug: the old one leads nowhere, the new one here.
    let mut moved = jug(2600);
    moved["slug"] = "jug".into();
    talk.ask(staff.put(&path, &moved).header("if-match", changed.header("etag")), 200).await;
    talk.ask(guest.get("/v1/products/jug"), 200).await;
    talk.refuse(guest.get("/v1/products/water-jug"), 404, "unknown_product").await;
}

async fn walks_lists(talk: &mut Talk<'_>) {
    let guest = talk.guest.clone();
    for name in ["anchor", "buoy", "compass"] {
        talk.item(name, 3).await;
        talk.ask(guest.get("/v1/products?limit=2"), 200).await;
    }
    let mut path = "/v1/products?limit=3".to_owned();
    loop {
        let page = talk.ask(guest.get(&path), 200).await;
        match page.at("/next").as_str() {
            Some(next) => path = format!("/v1/products?limit=3&cursor={next}"),
            None => break,
        }
    }
    for query in [
        "sort=title",
        "sort=price_low&currency=EUR",
        "category=jugs",
        "category=kitchen",
        "brand=Gull",
        "brand=nobody",
        "price_min=2000&price_max=3000&currency=EUR",
    ] {
        talk.ask(guest.get(format!("/v1/products?{query}")), 200).await;
    }
    let page = talk.ask(guest.get("/v1/products?sort=title&limit=2"), 200).await.text("/next");
    talk.ask(guest.get(format!("/v1/products?sort=title&limit=2&cursor={page}")), 200).await;
    for query in ["limit=101", "cursor=nonsense", "sort=wild", "colour=red"] {
        talk.refuse(guest.get(format!("/v1/products?{query}")), 422, "invalid_request").await;
    }
    talk.refuse(guest.get("/v1/products?category=nowhere"), 404, "unknown_category").await;
}

async fn hides_drafts_and_archived(talk: &mut Talk<'_>, customer: &Client) {
    let (staff, guest) = (talk.staff.clone(), talk.guest.clone());
    let mut draft = product("secret", 1);
    draft["status"] = "draft".into();
    let path = talk.ask(staff.post("/v1/products", &draft), 201).await.header("location").to_owned();
    talk.refuse(guest.get(&path), 404, "unknown_product").await;
    talk.refuse(customer.get(&path), 404, "unknown_product").await;
    let seen = talk.ask(staff.get(&path), 200).await;
    talk.ask(staff.get("/v1/products?status=draft"), 200).await;
    talk.ask(customer.get("/v1/products?status=draft"), 200).await;
    draft["status"] = "active".into();
    talk.ask(staff.put(&path, &draft).header("if-match", seen.header("etag")), 200).await;
    talk.ask(guest.get(&path), 200).await;
    talk.only_for_staff(customer, |who| who.delete(&path)).await;
    talk.ask(staff.delete(&path), 204).await;
    for _ in 0..2 {
        talk.refuse(guest.get(&path), 404, "unknown_product").await;
    }
    talk.ask(staff.get(&path), 200).await;
    talk.ask(staff.get("/v1/products?status=archived"), 200).await;
    talk.ask(guest.get("/v1/products"), 200).await;
    talk.refuse(staff.delete(format!("/v1/products/product_{NOTHING}")), 404, "unknown_product").await;
}
