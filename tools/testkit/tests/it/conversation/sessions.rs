//! Logging in, and what ends a session.

use serde_json::json;
use shoal_testkit::PASSWORD;

use super::{NOTHING, Talk};

const NONE: (u16, &str) = (401, "unauthenticated");

const RESETS: &str = "/v1/password-resets";

pub(super) async fn tell(talk: &mut Talk<'_>) {
    let phone = talk.customer("dora").await;
    let laptop = talk.log_in("dora@example.com", PASSWORD).await;
    let wrong = json!({"email": "dora@example.com", "password": "eleven-Curlews-calling"});
    talk.refuse(talk.guest.post("/v1/sessions", &wrong), 401, "wrong_credentials").await;
    talk.refuse(talk.guest.post("/v1/sessions", &json!({"email": "x"})), 422, "invalid_request").await;
    talk.refuse(talk.guest.get("/v1/sessions"), NONE.0, NONE.1).await;
    if talk.fleet.knows("post", RESETS) {
        passwords_are_forgotten(talk).await;
    }
    let list = talk.ask(laptop.get("/v1/sessions"), 200).await.json();
    let other = list["sessions"].as_array().into_iter().flatten().find(|session| session["current"] == false);
    let of_phone = other.expect("the phone's session")["id"].as_str().expect("it has an id").to_owned();

    talk.refuse(talk.guest.post("/v1/sessions/rotate", &json!({})), NONE.0, NONE.1).await;
    let rotated = talk.ask(laptop.post("/v1/sessions/rotate", &json!({})), 200).await.text("/token");
    talk.refuse(laptop.get("/v1/me"), NONE.0, NONE.1).await;
    let laptop = talk.guest.with_token(rotated);
    talk.ask(laptop.get("/v1/me"), 200).await;
    talk.ask(phone.get("/v1/me"), 200).await;

    talk.refuse(talk.guest.delete(format!("/v1/sessions/{of_phone}")), NONE.0, NONE.1).await;
    talk.ask(laptop.delete(format!("/v1/sessions/{of_phone}")), 204).await;
    for _ in 0..3 {
        talk.refuse(phone.get("/v1/me"), NONE.0, NONE.1).await;
    }
    talk.ask(laptop.delete(format!("/v1/sessions/session_{NOTHING}")), 204).await;
    talk.ask(laptop.get("/v1/sessions"), 200).await;
    talk.ask(laptop.delete("/v1/sessions/current"), 204).await;
    talk.refuse(laptop.get("/v1/me"), NONE.0, NONE.1).await;
    talk.refuse(laptop.delete("/v1/sessions/current"), NONE.0, NONE.1).await;

    let (phone, laptop) =
        (talk.log_in("dora@example.com", PASSWORD).await, talk.log_in("dora@example.com", PASSWORD).await);
    talk.refuse(talk.guest.delete("/v1/sessions"), NONE.0, NONE.1).await;
    talk.ask(phone.delete("/v1/sessions"), 204).await;
    // Not even a public page.
    for ended in [laptop, phone] {
        talk.refuse(ended.get("/v1/me"), NONE.0, NONE.1).await;
        talk.refuse(ended.get("/v1/products"), NONE.0, NONE.1).await;
    }
}

async fn passwords_are_forgotten(talk: &mut Talk<'_>) {
    // The same, whether there is such an account or not.
    for email in ["dora@example.com", "nobody@example.com"] {
        talk.ask(talk.guest.post(RESETS, &json!({"email": email})), 202).await;
    }
    talk.refuse(talk.guest.post(RESETS, &json!({"email": "x"})), 422, "invalid_request").await;
    let forged = json!({"token": "shoal_reset_forged", "password": "eleven-Curlews-calling"});
    let confirm = talk.guest.post(format!("{RESETS}/confirm"), &forged);
    talk.refuse(confirm, 422, "reset_refused").await;
}
