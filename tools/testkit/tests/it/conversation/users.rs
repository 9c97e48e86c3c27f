//! Accounts, roles, passwords, addresses.

use serde_json::{Value, json};
use shoal_testkit::{Client, PASSWORD, address};

use super::{NOTHING, Talk};

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let ada = registers(talk).await;
    changes_themselves(talk, &ada).await;
    keeps_addresses(talk, &ada).await;
    changes_the_password(talk).await;
    staff_look_after_accounts(talk, &ada).await;
    closes_an_account(talk).await;
}

fn account(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password, "name": "Ada Sprat", "phone": "+49 40 1234"})
}

async fn registers(talk: &mut Talk<'_>) -> Client {
    let register = |body: &Value| talk.guest.post("/v1/users", body);
    let keyed = register(&account("ada@example.com", PASSWORD)).key("register-ada");
    let taken = register(&account("ADA@example.com", PASSWORD));
    let other = register(&account("eve@example.com", PASSWORD)).key("register-ada");
    let weak = register(&account("eve@example.com", "password1234"));
    let none = register(&account("nobody", "short"));
    let first = talk.ask(keyed.clone(), 201).await;
    let again = talk.ask(keyed, 201).await;
    assert_eq!(again.body, first.body, "a key gives the first answer");
    talk.refuse(taken, 409, "email_taken").await;
    talk.refuse(other, 422, "idempotency_key_reused").await;
    talk.refuse(weak, 422, "weak_password").await;
    talk.refuse(none, 422, "invalid_request").await;
    talk.log_in("ada@example.com", PASSWORD).await
}

async fn changes_themselves(talk: &mut Talk<'_>, ada: &Client) {
    let me = talk.ask(ada.get("/v1/me"), 200).await;
    talk.ask(ada.get("/v1/me").header("if-none-match", me.header("etag")), 304).await;
    talk.refuse(talk.guest.get("/v1/me"), 401, "unauthenticated").await;
    talk.refuse(talk.guest.with_token("nonsense").get("/v1/me"), 401, "unauthenticated").await;
    let change = json!({"name": "Ada Lovelace", "accepts_marketing": true});
    let changing = |tag: &str| ada.patch("/v1/me", &change).header("if-match", tag);
    talk.ask(changing(me.header("etag")), 200).await;
    talk.ask(ada.get("/v1/me"), 200).await;
    talk.ask(ada.get("/v1/me").header("if-none-match", me.header("etag")), 200).await;
    talk.refuse(changing(me.header("etag")), 412, "user_changed").await;
    talk.refuse(changing("nonsense"), 400, "if_match_invalid").await;
    talk.ask(ada.patch("/v1/me", &json!({"phone": null})), 200).await;
    talk.refuse(ada.patch("/v1/me", &json!({"tags": ["vip"]})), 403, "forbidden").await;
    talk.refuse(talk.guest.patch("/v1/me", &change), 401, "unauthenticated").await;
    let own = format!("/v1/users/{}", me.text("/id"));
    talk.ask(ada.get(&own), 200).await;
    talk.refuse(talk.guest.get(&own), 401, "unauthenticated").await;
    talk.ask(ada.patch(&own, &json!({"name": "Ada"})), 200).await;
    talk.ask(ada.get(&own), 200).await;
}

async fn keeps_addresses(talk: &mut Talk<'_>, ada: &Client) {
    let me = talk.ask(ada.get("/v1/me"), 200).await.text("/id");
    let list = format!("/v1/users/{me}/addresses");
    talk.ask(ada.get(&list), 200).await;
    let new = json!({"address": address(), "default": true});
    let first = talk.ask(ada.post(&list, &new).key("address"), 201).await;
    let again = talk.ask(ada.post(&list, &new).key("address"), 201).await;
    assert_eq!(again.body, first.body, "a key gives the first answer");
    talk.ask(ada.get(&list), 200).await;
    let second = talk.ask(ada.post(&list, &new), 201).await.text("/id");
    talk.ask(ada.get(&list), 200).await;
    let mut moved = json!({"address": address()});
    moved["address"]["city"] = "Altona".into();
    talk.ask(ada.put(format!("{list}/{second}"), &moved), 200).await;
    talk.ask(ada.get(&list), 200).await;
    let nowhere = format!("{list}/address_{NOTHING}");
    talk.refuse(ada.put(&nowhere, &moved), 404, "unknown_address").await;
    talk.ask(ada.delete(format!("{list}/{second}")), 204).await;
    talk.ask(ada.get(&list), 200).await;
    talk.ask(ada.delete(format!("{list}/{second}")), 204).await;
    moved["address"]["country"] = "Germany".into();
    talk.refuse(ada.post(&list, &moved), 422, "invalid_request").await;
    talk.refuse(talk.guest.get(&list), 401, "unauthenticated").await;
    talk.refuse(talk.guest.post(&list, &new), 401, "unauthenticated").await;
    talk.refuse(talk.guest.delete(&nowhere), 401, "unauthenticated").await;
    for _ in 1..20 {
        talk.ask(ada.post(&list, &new), 201).await;
    }
    talk.refuse(ada.post(&list, &new), 409, "too_many_addresses").await;
    talk.ask(ada.get(&list), 200).await;
}

async fn changes_the_password(talk: &mut Talk<'_>) {
    let bob = talk.customer("bob").await;
    let me = talk.ask(bob.get("/v1/me"), 200).await.text("/id");
    let path = format!("/v1/users/{me}/password");
    let to = |new: &str| json!({"current": PASSWORD, "new": new});
    let wrong = json!({"current": "eleven-Curlews-calling", "new": "eleven-Curlews-calling"});
    talk.refuse(bob.put(&path, &wrong), 401, "wrong_credentials").await;
    talk.refuse(bob.put(&path, &to("password1234")), 422, "weak_password").await;
    talk.refuse(talk.guest.put(&path, &to("eleven-Curlews-calling")), 401, "unauthenticated").await;
    talk.ask(bob.put(&path, &to("eleven-Curlews-calling")), 204).await;
    let login = json!({"email": "bob@example.com", "password": PASSWORD});
    talk.refuse(talk.guest.post("/v1/sessions", &login), 401, "wrong_credentials").await;
    talk.log_in("bob@example.com", "eleven-Curlews-calling").await;
}

async fn staff_look_after_accounts(talk: &mut Talk<'_>, ada: &Client) {
    let staff = talk.staff.clone();
    talk.only_for_staff(ada, |who| who.get("/v1/users")).await;
    if talk.fleet.knows("get", "/v1/mails") {
        talk.only_for_staff(ada, |who| who.get("/v1/mails")).await;
        talk.ask(staff.get("/v1/mails?state=failed"), 200).await;
        let resend = staff.post(format!("/v1/mails/mail_{NOTHING}/resend"), &json!({}));
        talk.refuse(resend, 404, "unknown_mail").await;
    }
    let page = talk.ask(staff.get("/v1/users?limit=2"), 200).await;
    let next = page.text("/next");
    talk.ask(staff.get(format!("/v1/users?limit=2&cursor={next}")), 200).await;
    talk.ask(staff.get("/v1/users?role=administrator"), 200).await;
    let hers = talk.ask(staff.get("/v1/users?email=ada@example.com"), 200).await.text("/users/0/id");
    talk.refuse(staff.get("/v1/users?limit=0"), 422, "invalid_request").await;
    talk.refuse(staff.get("/v1/users?cursor=nonsense"), 422, "invalid_request").await;
    let path = format!("/v1/users/{hers}");
    let seen = talk.ask(staff.get(&path), 200).await;
    talk.ask(staff.get(&path).header("if-none-match", seen.header("etag")), 304).await;
    talk.ask(staff.patch(&path, &json!({"tags": ["vip"]})).header("if-match", seen.header("etag")), 200)
        .await;
    talk.ask(staff.get(&path), 200).await;
    talk.refuse(staff.patch(&path, &json!({})).header("if-match", seen.header("etag")), 412, "user_changed")
        .await;
    talk.refuse(staff.get(format!("/v1/users/user_{NOTHING}")), 404, "unknown_user").await;

    let deputy =
        json!({"email": "deputy@example.com", "name": "Deputy", "role": "staff", "password": PASSWORD});
    talk.only_for_staff(ada, |who| who.post("/v1/admin/users", &deputy)).await;
    let made = talk.ask(staff.post("/v1/admin/users", &deputy).key("deputy"), 201).await;
    talk.ask(staff.post("/v1/admin/users", &deputy).key("deputy"), 201).await;
    talk.refuse(staff.post("/v1/admin/users", &deputy), 409, "email_taken").await;
    let clerk = talk.log_in("deputy@example.com", PASSWORD).await;
    talk.ask(clerk.get("/v1/users?limit=1"), 200).await;
    let role = |who: &str| format!("/v1/users/{who}/role");
    talk.only_for_staff(ada, |who| who.put(role(&hers), &json!({"role": "staff"}))).await;
    talk.refuse(clerk.put(role(&hers), &json!({"role": "administrator"})), 403, "forbidden").await;
    let me = talk.ask(staff.get("/v1/me"), 200).await.text("/id");
    talk.refuse(staff.put(role(&me), &json!({"role": "customer"})), 409, "last_administrator").await;
    talk.refuse(staff.put(role(&me), &json!({"role": "king"})), 422, "invalid_request").await;
    talk.ask(staff.put(role(&made.text("/id")), &json!({"role": "customer"})), 200).await;
    talk.refuse(clerk.get("/v1/users"), 403, "forbidden").await;
    talk.ask(clerk.get("/v1/me"), 200).await;
    talk.refuse(staff.delete(format!("/v1/users/{me}")), 409, "last_administrator").await;
}

async fn closes_an_account(talk: &mut Talk<'_>) {
    let carl = talk.customer("carl").await;
    let me = talk.ask(carl.get("/v1/me"), 200).await.text("/id");
    let path = format!("/v1/users/{me}");
    talk.refuse(talk.guest.delete(&path), 401, "unauthenticated").await;
    talk.ask(carl.delete(&path), 204).await;
    talk.refuse(carl.get("/v1/me"), 401, "unauthenticated").await;
    talk.refuse(talk.staff.get(&path), 404, "unknown_user").await;
    let login = json!({"email": "carl@example.com", "password": PASSWORD});
    talk.refuse(talk.guest.post("/v1/sessions", &login), 401, "wrong_credentials").await;
    talk.customer("carl").await;
}
