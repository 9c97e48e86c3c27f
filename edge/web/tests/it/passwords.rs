use http::StatusCode;
use shoal_contract::users::{self, ConfirmPasswordReset, RequestPasswordReset};
use shoal_types::Context;

use crate::shop::Shop;

fn confirm(_: &Context, asked: ConfirmPasswordReset) -> Result<(), users::Error> {
    match (asked.token.expose(), asked.password.expose()) {
        ("shoal_reset_t", "password1234") => {
            Err(users::Error::WeakPassword { hint: "it is among the first that are tried".into() })
        }
        ("shoal_reset_t", _) => Ok(()),
        _ => Err(users::Error::ResetRefused {}),
    }
}

#[tokio::test]
async fn the_page_says_the_same_whether_there_is_an_account_or_not() {
    let noted = |_: &Context, asked: RequestPasswordReset| {
        assert_eq!(asked.email, "ada@example.com");
        Ok::<_, users::Error>(())
    };
    let browser = Shop::new().on("users", "request_password_reset", noted).open();
    assert!(browser.get("/login").await.text.contains(r#"href="/password/forgotten""#));
    assert!(browser.get("/password/forgotten").await.text.contains(r#"name="email""#));
    let shown = browser.post("/password/forgotten", "email=ada@example.com").await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.text.contains("If there is an account"));
    assert!(!shown.text.contains("ada@example.com"));
}

#[tokio::test]
async fn the_link_of_the_mail_leads_to_a_new_password() {
    let browser = Shop::new().on("users", "confirm_password_reset", confirm).open();
    let shown = browser.get("/password/new?token=shoal_reset_t").await;
    assert_eq!((shown.status, shown.hidden("token")), (StatusCode::OK, "shoal_reset_t"));
    assert_eq!(shown.header("cache-control"), "no-store");
    let chosen = browser.post("/password/new", "token=shoal_reset_t&password=nine+yellow+herons").await;
    assert_eq!(chosen.status, StatusCode::OK);
    assert!(chosen.text.contains("Your password is set"));
    assert!(chosen.cookie("shop_session").is_some_and(|cookie| cookie.starts_with(';')), "it has ended");
}

#[tokio::test]
async fn what_is_wrong_is_said_and_the_link_stays_usable() {
    let browser = Shop::new().on("users", "confirm_password_reset", confirm).open();
    for (password, said) in [("short", "10 characters"), ("password1234", "easy to guess")] {
        let form = format!("token=shoal_reset_t&password={password}");
        let shown = browser.post("/password/new", &form).await;
        assert_eq!(shown.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert!(shown.text.contains(said), "{}", shown.text);
        assert_eq!(shown.hidden("token"), "shoal_reset_t");
        assert!(!shown.text.contains(&format!(r#"value="{password}""#)));
    }
    let used = browser.post("/password/new", "token=shoal_reset_old&password=nine+yellow+herons").await;
    assert!(used.text.contains("Ask for another mail"));
}
