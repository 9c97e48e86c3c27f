use http::StatusCode;
use shoal_contract::orders;
use shoal_contract::users::{self, LogIn, Login, Session, Token, User};
use shoal_types::{Caller, Context, Fault, Role, Secret};

use crate::shop::{Shop, cart, id, now};

fn ada() -> User {
    User {
        id: id(9),
        email: "ada@example.com".into(),
        name: "Ada".into(),
        phone: None,
        role: Role::Customer,
        accepts_marketing: false,
        tags: vec![],
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn log_in(_: &Context, asked: LogIn) -> Result<Login, users::Error> {
    if asked.password.expose() != "right" {
        return Err(users::Error::WrongCredentials {});
    }
    let session =
        Session { id: id(10), created_at: now(), rotated_at: now(), expires_at: now(), current: true };
    Ok(Login { token: Secret::new("shoal_t0ken"), session, user: ada() })
}

#[tokio::test]
async fn a_login_brings_the_guests_cart_along() {
    let merge = |cx: &Context, _: orders::CartRef| {
        assert_eq!(cx.caller, Caller::User { id: id(9), role: Role::Customer });
        Ok::<_, orders::Error>(cart())
    };
    let browser = Shop::new().on("users", "log_in", log_in).on("orders", "merge_cart", merge).open();
    let browser = browser.with_cookie(format!("shop_cart={}", cart().id));
    let shown = browser.post("/login", "email=ada@example.com&password=right&next=%2Fcheckout").await;
    assert_eq!((shown.status, shown.header("location")), (StatusCode::SEE_OTHER, "/checkout"));
    assert!(shown.cookie("shop_session").is_some_and(|it| it.starts_with("shoal_t0ken; Path=/;")));
    assert!(shown.cookie("shop_cart").is_some_and(|cookie| cookie.starts_with(';')));
    assert_eq!(browser.asked("merge_cart").len(), 1);
}

#[tokio::test]
async fn a_login_never_leads_to_another_site() {
    let browser = Shop::new().on("users", "log_in", log_in).open();
    for next in ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"] {
        let form = format!("email=ada@example.com&password=right&next={next}");
        assert_eq!(browser.post("/login", &form).await.header("location"), "/account", "{next}");
    }
}

#[tokio::test]
async fn wrong_credentials_keep_the_address_but_not_the_password() {
    let browser = Shop::new().on("users", "log_in", log_in).open();
    let shown = browser.post("/login", "email=ada@example.com&password=wr0ng").await;
    assert_eq!(shown.status, StatusCode::UNAUTHORIZED);
    assert!(shown.text.contains("E-mail address or password is wrong."));
    assert!(shown.text.contains("value=\"ada@example.com\"") && !shown.text.contains("wr0ng"));
    assert!(shown.cookie("shop_session").is_none());
}

#[tokio::test]
async fn a_session_that_ended_is_forgotten_and_the_shop_shown() {
    let unknown =
        |_: &Context, _: Token| Err::<users::Authenticated, _>(users::Error::from(Fault::Unauthenticated {}));
    let browser = Shop::new().on("users", "authenticate", unknown).open().with_cookie("shop_session=old");
    let shown = browser.get("/").await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.cookie("shop_session").is_some_and(|cookie| cookie.starts_with(';')));
    assert_eq!(browser.get("/account").await.header("location"), "/login?next=/account");
}
