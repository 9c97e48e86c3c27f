use serde_json::{Value, json};
use shoal_contract::users::{self, SessionRef, UserRef};
use shoal_types::{Caller, Fault, Page, Role};

use crate::shop::{Shop, id, product, user};

fn catalogue() -> Shop {
    Shop::new()
        .on("products", "get_product", |_, _: shoal_contract::products::ProductRef| {
            Ok::<_, shoal_contract::products::Error>(product("Mug"))
        })
        .on("users", "get_user", |cx, UserRef { user: asked }| match cx.caller.user() {
            Some(own) if own == asked => Ok(user(1)),
            Some(_) => Err(users::Error::UnknownUser {}),
            None => Err(users::Error::from(Fault::Unauthenticated {})),
        })
}

#[tokio::test]
async fn a_bad_token_is_refused_even_where_none_is_needed() {
    let api = catalogue().open();
    assert_eq!(api.get("/v1/products/mug").await.says(), "200");
    assert_eq!(api.get_as("ada", "/v1/products/mug").await.says(), "200");
    let refused = api.get_as("expired", "/v1/products/mug").await;
    assert_eq!(refused.says(), "401 unauthenticated");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    for header in ["Basic YTpi", "Bearer", "Bearer ", "ada"] {
        let answer = api.send("GET /v1/products/mug", &[("authorization", header)], Value::Null).await;
        assert_eq!(answer.says(), "401 unauthenticated", "{header}");
    }
}

#[tokio::test]
async fn the_services_learn_who_calls() {
    let api = catalogue().open();
    api.get("/v1/products/mug").await;
    api.get_as("bob", "/v1/products/mug").await;
    let callers: Vec<_> = api.asked().into_iter().map(|cx| cx.caller).collect();
    assert_eq!(callers, [Caller::Anonymous, Caller::User { id: id(2), role: Role::Administrator }]);
}

#[tokio::test]
async fn me_is_the_user_who_asks() {
    let api = catalogue().open();
    assert_eq!(api.get_as("ada", "/v1/me").await.json()["id"], json!(id::<users::UserNoun>(1)));
    assert_eq!(api.get("/v1/me").await.says(), "401 unauthenticated");
    let other = format!("/v1/users/{}", id::<users::UserNoun>(2));
    assert_eq!(api.get_as("ada", &other).await.says(), "404 unknown_user");
    assert_eq!(api.get_as("ada", "/v1/users/me").await.says(), "404 not_found");
}

#[tokio::test]
async fn logging_out_ends_the_session_that_asks() {
    let api = Shop::new()
        .on("users", "revoke_session", |_, asked: SessionRef| {
            assert_eq!((asked.user, asked.session), (id(1), Some(id(1))));
            Ok::<_, users::Error>(())
        })
        .open();
    let answer =
        api.send("DELETE /v1/sessions/current", &[("authorization", "bearer ada")], Value::Null).await;
    assert_eq!(answer.says(), "204");
    assert_eq!(api.send("DELETE /v1/sessions/current", &[], Value::Null).await.says(), "401 unauthenticated");
}

#[tokio::test]
async fn a_service_that_is_away_is_503() {
    let api = Shop::new().open();
    let answer = api.get("/v1/products").await;
    assert_eq!(answer.says(), "503 unavailable");
    assert_eq!((answer.json()["what"].clone(), answer.header("retry-after")), (json!("products"), Some("1")));
}

#[tokio::test]
async fn lists_carry_the_name_of_their_noun() {
    let api = Shop::new()
        .on("users", "list_users", |_, asked: users::ListUsers| {
            assert_eq!((asked.page.limit.get(), asked.role), (2, Some(Role::Customer)));
            Ok::<_, users::Error>(Page { items: vec![user(1)], next: None })
        })
        .open();
    let list = api.get_as("bob", "/v1/users?limit=2&role=customer").await.json();
    assert_eq!(list["users"][0]["email"], "user1@example.com");
    assert_eq!(list.as_object().map(|list| list.len()), Some(1));
    assert_eq!(api.get_as("bob", "/v1/users?limit=0").await.says(), "422 invalid_request");
    assert_eq!(api.get_as("bob", "/v1/users?lmit=2").await.says(), "422 invalid_request");
}
