use http::StatusCode;
use shoal_contract::checkout::{Checkout, CheckoutStatus, Error, PlaceOrder};
use shoal_contract::orders;
use shoal_types::{Context, Secret};

use crate::shop::{Browser, Shop, Shown, cart, id, now, order};

fn paying(
    answer: impl Fn(&Context, PlaceOrder) -> Result<Checkout, Error> + Send + Sync + 'static,
) -> Browser {
    Shop::new().on("checkout", "place", answer).open().with_cookie(format!("shop_cart={}", cart().id))
}

fn checkout(status: CheckoutStatus) -> Checkout {
    let done = status == CheckoutStatus::Completed;
    Checkout {
        id: id(6),
        status,
        order: done.then(order),
        order_token: done.then(|| Secret::new("token-1")),
        redirect_url: None,
        failure: None,
        created_at: now(),
    }
}

/// Sends the form of `page` with `card`.
async fn pay(browser: &Browser, page: &Shown, card: &str) -> Shown {
    let (key, cart, total) = (page.hidden("key"), page.hidden("cart"), page.hidden("total"));
    browser.post("/checkout", &format!("key={key}&cart={cart}&total={total}&card={card}")).await
}

#[tokio::test]
async fn each_page_has_a_key_of_its_own_and_the_form_carries_it() {
    let browser = paying(|_, _| Ok(checkout(CheckoutStatus::Completed)));
    let (first, second) = (browser.get("/checkout").await, browser.get("/checkout").await);
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.hidden("key").len(), 32);
    assert_ne!(first.hidden("key"), second.hidden("key"));

    for _ in 0..2 {
        pay(&browser, &first, "tok_success").await;
    }
    let keys: Vec<_> = browser.asked("place").into_iter().map(|cx| cx.idempotency).collect();
    assert_eq!(keys[0].as_ref().map(|it| &*it.key), Some(first.hidden("key")));
    assert_eq!(keys[0], keys[1], "a double click is one request");
    pay(&browser, &first, "tok_slow").await;
    let other = browser.asked("place")[2].idempotency.clone().expect("a key");
    assert_ne!(keys[0].as_ref().map(|it| it.fingerprint), Some(other.fingerprint), "another card is another");
}

#[tokio::test]
async fn a_paid_order_is_shown_to_the_guest_who_placed_it() {
    let browser = paying(|_, request| {
        assert_eq!(request.expected_total.map(|total| total.amount), Some(4890));
        Ok(checkout(CheckoutStatus::Completed))
    });
    let page = browser.get("/checkout").await;
    let shown = pay(&browser, &page, "tok_success").await;
    assert_eq!(shown.header("location"), format!("/orders/{}?placed=yes", order().id));
    let kept = shown.cookie("shop_orders").expect("the order's token");
    assert!(kept.starts_with(&format!("{}.token-1;", order().id)), "{kept}");
    assert!(shown.cookie("shop_cart").is_some_and(|cookie| cookie.starts_with(';')), "the cart is forgotten");
}

#[tokio::test]
async fn an_order_is_shown_to_nobody_else() {
    let seen = |_: &Context, asked: orders::OrderRef| match asked.token {
        Some(token) if token.expose() == "token-1" => Ok(order()),
        _ => Err(orders::Error::UnknownOrder {}),
    };
    let path = format!("/orders/{}", order().id);
    let stranger = Shop::new().on("orders", "get_order", seen).open();
    assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND);
    let kept = format!("shop_orders=order_x.other~{}.token-1", order().id);
    let guest = Shop::new().on("orders", "get_order", seen).open().with_cookie(kept);
    assert!(guest.get(&path).await.text.contains("Order S-1"));
}

#[tokio::test]
async fn a_declined_card_gives_a_new_key_and_keeps_the_choice() {
    let browser = paying(|_, _| Err(Error::PaymentDeclined { reason: "insufficient_funds".into() }));
    let page = browser.get("/checkout").await;
    let shown = pay(&browser, &page, "tok_insufficient_funds").await;
    assert_eq!(shown.status, StatusCode::PAYMENT_REQUIRED);
    assert!(shown.text.contains("There is not enough money on this card. Nothing was bought or charged"));
    assert_ne!(shown.hidden("key"), page.hidden("key"));
    assert!(shown.text.contains("value=\"tok_insufficient_funds\" checked"));
    assert!(shown.cookie("shop_cart").is_none(), "the cart stays");
}

#[tokio::test]
async fn an_unknown_outcome_keeps_the_key() {
    let browser = paying(|_, _| Err(Error::PaymentUnavailable {}));
    let page = browser.get("/checkout").await;
    let shown = pay(&browser, &page, "tok_outage").await;
    assert_eq!(shown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(shown.hidden("key"), page.hidden("key"));
}

#[tokio::test]
async fn a_checkout_under_way_is_followed_on_a_page_of_its_own() {
    let browser = paying(|_, _| Ok(checkout(CheckoutStatus::Processing)));
    let page = browser.get("/checkout").await;
    let shown = pay(&browser, &page, "tok_slow").await;
    assert_eq!(shown.header("location"), "/checkout/status");
    assert!(shown.cookie("shop_checkout").is_some());
}

#[tokio::test]
async fn a_form_that_is_not_ours_places_nothing() {
    let browser = paying(|_, _| Ok(checkout(CheckoutStatus::Completed)));
    for form in ["", "key=short&cart=x&total=1&card=tok_success", "key=0123456789abcdef&card=tok_unheard_of"]
    {
        assert_eq!(browser.post("/checkout", form).await.header("location"), "/checkout", "{form}");
    }
    assert!(browser.asked("place").is_empty());
}

#[tokio::test]
async fn what_was_typed_as_an_address_is_kept_and_the_faults_stand_beside() {
    let browser = Shop::new().open().with_cookie(format!("shop_cart={}", cart().id));
    let shown = browser.post("/checkout/details", "email=ada&name=Ada+%3Cb%3E&line1=&city=&country=").await;
    assert_eq!(shown.status, StatusCode::UNPROCESSABLE_ENTITY);
    for text in ["Enter an e-mail address", "Enter street and number.", "Enter a town.", "Choose a country."]
    {
        assert!(shown.text.contains(text), "{text}");
    }
    assert!(shown.text.contains("value=\"Ada &#60;b&#62;\"") && shown.text.contains("value=\"ada\""));
    assert!(browser.asked("update_cart").is_empty());
}
