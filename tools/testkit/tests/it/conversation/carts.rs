//! Carts of guests and customers.

use serde_json::{Value, json};
use shoal_testkit::{Client, address};

use super::{NOTHING, Talk, product};

pub(super) async fn tell(talk: &mut Talk<'_>) {
    talk.item("mast", 50).await;
    talk.item("oar", 2).await;
    let mut dollars = product("dollar", 1);
    dollars["variants"][0]["prices"][0]["currency"] = "USD".into();
    talk.ask(talk.staff.post("/v1/products", &dollars), 201).await;
    fills_a_cart(talk).await;
    is_told_what_is_wrong(talk).await;
    changes_details(talk).await;
    merges(talk).await;
}

fn line(sku: &str, quantity: i64) -> Value {
    json!({"sku": sku, "quantity": quantity})
}

async fn open(talk: &mut Talk<'_>, who: &Client, lines: &[Value]) -> String {
    talk.ask(who.post("/v1/carts", &json!({"lines": lines})), 201).await.text("/id")
}

async fn fills_a_cart(talk: &mut Talk<'_>) {
    let guest = talk.guest.clone();
    let new = json!({"lines": [line("MAST", 1)], "details": {"note": "tall ones"}});
    let first = talk.ask(guest.post("/v1/carts", &new).key("cart"), 201).await;
    let again = talk.ask(guest.post("/v1/carts", &new).key("cart"), 201).await;
    assert_eq!(again.body, first.body, "a key gives the first answer");
    let cart = first.header("location").to_owned();
    talk.ask(guest.get(&cart), 200).await;
    let lines = format!("{cart}/lines");
    for key in ["add 1", "add 2"] {
        let key = key.replace(' ', "-");
        let added = talk.ask(guest.post(&lines, &line("MAST", 2)).key(&key), 200).await;
        let repeated = talk.ask(guest.post(&lines, &line("MAST", 2)).key(&key), 200).await;
        assert_eq!(repeated.body, added.body, "a key gives the first answer");
        talk.ask(guest.get(&cart), 200).await;
    }
    talk.ask(guest.post(&lines, &line("OAR", 5)), 200).await;
    let seen = talk.ask(guest.get(&cart), 200).await;
    talk.ask(guest.put(format!("{lines}/OAR"), &json!({"quantity": 1, "note": "left"})), 200).await;
    talk.ask(guest.get(&cart), 200).await;
    let stale = seen.header("etag").to_owned();
    let late = guest.put(format!("{lines}/OAR"), &json!({"quantity": 9})).header("if-match", &stale);
    talk.refuse(late, 412, "cart_changed").await;
    talk.refuse(guest.delete(format!("{lines}/OAR")).header("if-match", &stale), 412, "cart_changed").await;
    talk.ask(guest.delete(format!("{lines}/OAR")), 200).await;
    talk.ask(guest.get(&cart), 200).await;
    // What changes in the catalogue shows in the cart.
    let shown = talk.ask(guest.get("/v1/products/mast"), 200).await;
    let mut dearer = product("mast", 0);
    dearer["variants"][0]["prices"][0]["amount"] = 2999.into();
    let path = format!("/v1/products/{}", shown.text("/id"));
    talk.ask(talk.staff.put(&path, &dearer).header("if-match", shown.header("etag")), 200).await;
    talk.ask(guest.get(&cart), 200).await;
    talk.ask(guest.delete(&cart), 204).await;
    talk.refuse(guest.get(&cart), 404, "unknown_cart").await;
}

async fn is_told_what_is_wrong(talk: &mut Talk<'_>) {
    let (guest, eve) = (talk.guest.clone(), talk.customer("eve").await);
    let with = |sku: &str, quantity: i64| json!({"lines": [line(sku, quantity)]});
    talk.refuse(guest.post("/v1/carts", &with("NOTHING", 1)), 404, "unknown_sku").await;
    talk.refuse(guest.post("/v1/carts", &with("MAST", 0)), 422, "invalid_request").await;
    talk.refuse(guest.post("/v1/carts", &with("DOLLAR", 1)), 409, "no_price").await;
    let cart = format!("/v1/carts/{}", open(talk, &guest, &[line("MAST", 1)]).await);
    let lines = format!("{cart}/lines");
    talk.refuse(guest.post(&lines, &line("NOTHING", 1)), 404, "unknown_sku").await;
    talk.refuse(guest.put(format!("{lines}/OAR"), &json!({"quantity": 1})), 404, "unknown_line").await;
    talk.refuse(guest.put(format!("{lines}/MAST"), &json!({"quantity": -1})), 422, "invalid_request").await;
    talk.refuse(guest.delete(format!("{lines}/OAR")), 404, "unknown_line").await;
    let none = format!("/v1/carts/cart_{NOTHING}");
    talk.refuse(guest.get(&none), 404, "unknown_cart").await;
    talk.refuse(guest.get(format!("{none}/shipping-options")), 404, "unknown_cart").await;
    talk.refuse(guest.patch(&none, &json!({"note": "x"})), 404, "unknown_cart").await;
    talk.refuse(guest.post(format!("{none}/lines"), &line("MAST", 1)), 404, "unknown_cart").await;
    talk.refuse(guest.delete(format!("{none}/lines/MAST")), 404, "unknown_cart").await;
    talk.ask(guest.delete(&none), 204).await;
    // A customer's cart is nobody else's.
    let hers = format!("/v1/carts/{}", open(talk, &eve, &[line("MAST", 1)]).await);
    talk.ask(eve.get(&hers), 200).await;
    talk.refuse(guest.get(&hers), 404, "unknown_cart").await;
    talk.refuse(guest.delete(format!("{hers}/lines/MAST")), 404, "unknown_cart").await;
}

async fn changes_details(talk: &mut Talk<'_>) {
    let guest = talk.guest.clone();
    let cart = format!("/v1/carts/{}", open(talk, &guest, &[line("MAST", 2)]).await);
    let options = format!("{cart}/shipping-options");
    talk.refuse(guest.get(&options), 409, "cart_incomplete").await;
    let seen = talk.ask(guest.get(&cart), 200).await;
    let tag = seen.header("etag");
    let details = json!({"email": "ada@example.com", "shipping_address": address()});
    talk.ask(guest.patch(&cart, &details).header("if-match", tag), 200).await;
    talk.ask(guest.get(&options), 200).await;
    talk.refuse(guest.patch(&cart, &details).header("if-match", tag), 412, "cart_changed").await;
    for method in ["standard", "parcel", "generous"] {
        talk.ask(guest.patch(&cart, &json!({"shipping_method": method})), 200).await;
        talk.ask(guest.get(&cart), 200).await;
    }
    talk.refuse(guest.patch(&cart, &json!({"email": "nobody"})), 422, "invalid_request").await;
    let mut away = address();
    away["country"] = "FR".into();
    talk.ask(guest.patch(&cart, &json!({"shipping_address": away})), 200).await;
    talk.ask(guest.get(&options), 200).await;
}

async fn merges(talk: &mut Talk<'_>) {
    let (guest, hal) = (talk.guest.clone(), talk.customer("hal").await);
    talk.refuse(hal.get("/v1/carts/current"), 404, "unknown_cart").await;
    talk.refuse(guest.get("/v1/carts/current"), 404, "unknown_cart").await;
    let own = open(talk, &hal, &[line("MAST", 1)]).await;
    talk.ask(hal.get("/v1/carts/current"), 200).await;
    let guests = open(talk, &guest, &[line("MAST", 2), line("OAR", 1)]).await;
    let merge = format!("/v1/carts/{guests}/merge");
    talk.refuse(guest.post(&merge, &json!({})), 401, "unauthenticated").await;
    let merged = talk.ask(hal.post(&merge, &json!({})), 200).await;
    assert_eq!(merged.text("/id"), own);
    talk.ask(hal.get("/v1/carts/current"), 200).await;
    talk.ask(hal.post(&merge, &json!({})), 200).await;
    talk.ask(hal.get("/v1/carts/current"), 200).await;
    talk.ask(guest.get(format!("/v1/carts/{guests}")), 200).await;
    talk.refuse(hal.post(format!("/v1/carts/cart_{NOTHING}/merge"), &json!({})), 404, "unknown_cart").await;
}
