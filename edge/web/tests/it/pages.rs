use http::{Request, StatusCode};

use crate::shop::{Shop, cart};

#[tokio::test]
async fn a_page_runs_no_script_and_is_framed_by_nobody() {
    let shown = Shop::new().open().get("/").await;
    assert_eq!(shown.status, StatusCode::OK);
    let policy = shown.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(shown.header("cache-control"), "private, no-cache");
    assert!(!shown.text.contains("<script") && !shown.text.contains(" style="));
    assert!(shown.text.contains("Fish &#38; Sons"), "the name is escaped");
}

#[tokio::test]
async fn text_of_the_shop_is_never_markup() {
    let browser = Shop::new().open();
    for path in ["/p/mug", "/", "/c/kitchen"] {
        let shown = browser.get(path).await;
        assert_eq!(shown.status, StatusCode::OK, "{path}");
        assert!(!shown.text.contains("<script>alert"), "{path}");
        assert!(shown.text.contains("Mug &#60;script&#62;"), "{path}");
    }
    assert!(browser.get("/p/mug").await.text.contains("Only 2 left"));
}

#[tokio::test]
async fn what_is_not_there_is_a_page_too() {
    let browser = Shop::new().open();
    for path in ["/nonsense", "/p/gone", "/c/gone", "/orders/nonsense"] {
        let shown = browser.get(path).await;
        assert_eq!(shown.status, StatusCode::NOT_FOUND, "{path}");
        assert!(shown.text.contains("Nothing here but gulls"), "{path}");
        assert!(shown.text.contains("/c/kitchen"), "{path}: the way back");
    }
}

#[tokio::test]
async fn a_service_that_is_away_gives_a_page_that_says_so() {
    let shown = Shop::default().open().get("/p/mug").await;
    assert_eq!(shown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(shown.text.contains("The shop is hard to reach") && shown.text.contains("<code>r-1</code>"));
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let browser = Shop::new().open();
    let foreign = || Request::post("/cart/lines");
    for request in [
        foreign().header("sec-fetch-site", "cross-site"),
        foreign().header("origin", "https://evil.example").header("host", "shop.example"),
        foreign().header("origin", "null").header("host", "shop.example"),
    ] {
        assert_eq!(browser.send(request, "sku=MUG").await.status, StatusCode::FORBIDDEN);
    }
    assert!(browser.asked("add_line").is_empty());
}

#[tokio::test]
async fn a_guest_gets_a_cart_that_scripts_cannot_read() {
    let browser = Shop::new().open();
    let shown = browser.post("/cart/lines", "sku=MUG&quantity=2").await;
    assert_eq!((shown.status, shown.header("location")), (StatusCode::SEE_OTHER, "/cart?added=MUG"));
    let cookie = shown.cookie("shop_cart").expect("a cart is kept");
    assert!(cookie.starts_with(&cart().id.to_string()), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
}

#[tokio::test]
async fn cookies_are_secure_where_the_proxy_speaks_https() {
    let browser = Shop::new().open();
    let request = Request::post("/cart/lines").header("x-forwarded-proto", "https");
    let shown = browser.send(request, "sku=MUG").await;
    assert!(shown.cookie("shop_cart").is_some_and(|cookie| cookie.ends_with("; Secure")));
}
