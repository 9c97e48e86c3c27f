use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{Method, StatusCode};
use shoal_contract::checkout::{Checkout, CheckoutStatus, Error, PaymentMethod, PlaceOrder};
use shoal_contract::orders::CartId;
use shoal_net::http::fingerprint;
use shoal_types::{Context, Fact, Idempotency, Money, Secret};

use crate::address_form;
use crate::basket::Basket;
use crate::cart;
use crate::checkout::{Delivery, Ready, delivery, not_open, ready, status_of};
use crate::cookies::Cookie;
use crate::form::{Fields, Form};
use crate::page::{Frame, Framed, Kept, lead_to, refused, shown};
use crate::price::price;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::{GUEST_LIFE, Visit};
use crate::words;

/// The provider that is built in.
const TEST_PROVIDER: &str = "test";
/// Its cards: token, name, and what comes of it.
const CARDS: [(&str, &str, &str); 7] = [
    ("tok_success", "Card that pays", "The order goes through."),
    ("tok_declined", "Card that is declined", "The bank says no."),
    ("tok_insufficient_funds", "Card without enough money", "The bank says no, and why."),
    ("tok_slow", "Slow card", "Pays after two seconds: try a double click."),
    ("tok_lost_answer", "Card whose answer gets lost", "Pays; the shop has to ask again what happened."),
    ("tok_outage", "Provider out of reach", "Nothing is bought; try again later."),
    ("tok_redirect", "Card that asks you to confirm", "Waits until the provider reports back."),
];

#[derive(Template)]
#[template(path = "payment.html")]
struct PaymentPage {
    frame: Frame,
    basket: Basket,
    email: String,
    address: Vec<String>,
    methods: Vec<Sending>,
    /// The shop does not deliver there.
    nowhere: bool,
    cards: Vec<Card>,
    /// What makes a second try of the same button the same order.
    key: String,
    cart: String,
    total: i64,
    problem: Option<String>,
}

impl Framed for PaymentPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// A way to send it.
struct Sending {
    code: String,
    title: String,
    price: String,
    current: bool,
}

struct Card {
    token: &'static str,
    name: &'static str,
    about: &'static str,
    current: bool,
}

/// How it is sent and paid.
pub(crate) async fn show(
    shop: &Shop,
    visit: &Visit,
    ready: Ready,
    problem: Option<String>,
) -> Result<Response, Trouble> {
    let page = page(shop, visit, ready, "", fresh_key(shop)).await?;
    shown(visit, Kept::Never, &PaymentPage { problem, ..page })
}

/// 128 random bits.
fn fresh_key(shop: &Shop) -> String {
    hex::encode(&shop.options.env.rng().token()[..16])
}

async fn page(
    shop: &Shop,
    visit: &Visit,
    mut ready: Ready,
    card: &str,
    key: String,
) -> Result<PaymentPage, Trouble> {
    let (methods, nowhere) = match delivery(shop, visit, &mut ready).await? {
        Delivery::None => (Vec::new(), false),
        Delivery::Methods(methods) => (methods, false),
        Delivery::Nowhere => (Vec::new(), true),
    };
    let cart = &ready.cart;
    let sending = |option: shoal_contract::orders::ShippingOption| Sending {
        current: Some(&option.code) == cart.shipping_method.as_ref(),
        price: if option.price.amount == 0 { "Free".into() } else { price(option.price) },
        code: option.code,
        title: option.title,
    };
    Ok(PaymentPage {
        frame: Frame::with_cart(shop, visit, "Checkout", Some(cart)).await,
        basket: cart::basket(shop, visit, cart).await,
        email: cart.email.clone().unwrap_or_default(),
        address: cart.shipping_address.as_ref().map(address_form::lines).unwrap_or_default(),
        methods: methods.into_iter().map(sending).collect(),
        nowhere,
        cards: cards(shop, card),
        key,
        cart: cart.id.to_string(),
        total: cart.totals.total.amount,
        problem: None,
    })
}

fn cards(shop: &Shop, chosen: &str) -> Vec<Card> {
    let first = CARDS[0].0;
    let chosen = CARDS.iter().map(|(token, _, _)| *token).find(|token| *token == chosen).unwrap_or(first);
    let offered = if shop.options.test_provider { &CARDS[..] } else { &[] };
    let card = |&(token, name, about): &(&'static str, &'static str, &'static str)| Card {
        token,
        name,
        about,
        current: token == chosen,
    };
    offered.iter().map(card).collect()
}

/// Places the order. The form carries its key: a double click or a reload gets the first one's answer.
pub(crate) async fn place(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let Some((cx, request)) = order(&shop, &visit, &form) else { return Ok(lead_to("/checkout")) };
    match shop.checkouts().place(&cx, request).await {
        Ok(checkout) if checkout.status == CheckoutStatus::Failed => {
            let said = checkout.failure.map_or_else(String::new, |failure| failure.message);
            again(&shop, &visit, &form, StatusCode::CONFLICT, said, fresh_key(&shop)).await
        }
        Ok(checkout) => Ok(lead_on(&visit, &checkout)),
        Err(error) => refuse(&shop, &visit, &form, error).await,
    }
}

/// What the form asks for; `None` if it is not one of ours.
fn order(shop: &Shop, visit: &Visit, form: &Fields) -> Option<(Context, PlaceOrder)> {
    let key = form.text("key");
    let plain = (16..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let card = cards(shop, "").into_iter().find(|card| card.token == form.text("card"))?;
    let cart: CartId = form.text("cart").parse().ok()?;
    let total: i64 = form.text("total").parse().ok()?;
    let body = format!("{cart}\n{}\n{total}", card.token);
    let fingerprint = fingerprint(&Method::POST, "/checkout", body.as_bytes());
    let mut cx = visit.cx.clone();
    cx.idempotency = plain.then(|| Idempotency { key: key.into(), fingerprint });
    cx.idempotency.as_ref()?;
    let payment = PaymentMethod { provider: TEST_PROVIDER.into(), token: Secret::new(card.token) };
    let request = PlaceOrder {
        cart: Some(cart),
        lines: Vec::new(),
        currency: None,
        email: None,
        shipping_address: None,
        billing_address: None,
        shipping_method: None,
        note: None,
        expected_total: Some(Money::new(total, shop.options.currency)),
        payment,
    };
    Some((cx, request))
}

/// The page of the order, or of the checkout while it is under way.
pub(crate) fn lead_on(visit: &Visit, checkout: &Checkout) -> Response {
    let Some(order) = checkout.order.as_ref().filter(|_| checkout.status == CheckoutStatus::Completed) else {
        let mut response = lead_to("/checkout/status");
        let kept = match &checkout.order_token {
            Some(token) => format!("{}.{}", checkout.id, token.expose()),
            None => checkout.id.to_string(),
        };
        visit.keep(&mut response, Cookie::Checkout, &kept, GUEST_LIFE);
        return response;
    };
    let mut response = lead_to(&format!("/orders/{}?placed=yes", order.id));
    if let Some(token) = &checkout.order_token {
        visit.remember_order(&mut response, order.id, token);
    }
    if visit.customer.is_none() {
        visit.forget(&mut response, Cookie::Cart);
    }
    visit.forget(&mut response, Cookie::Checkout);
    response
}

async fn refuse(shop: &Shop, visit: &Visit, form: &Fields, error: Error) -> Result<Response, Trouble> {
    let said = match visit.cart(shop).await? {
        Some(cart) => words::refusal(&error, &cart),
        None => words::sentence(&error),
    };
    // Where the outcome is not known, only the same key keeps a second try from buying twice.
    let key = match error.kind().retry_may_help() {
        true => form.text("key").to_owned(),
        false => fresh_key(shop),
    };
    again(shop, visit, form, status_of(&error), said, key).await
}

/// The page once more, with what went wrong.
async fn again(
    shop: &Shop,
    visit: &Visit,
    form: &Fields,
    status: StatusCode,
    said: String,
    key: String,
) -> Result<Response, Trouble> {
    let ready = ready(shop, visit).await?.map_err(|_| not_open())?;
    let page = page(shop, visit, ready, form.text("card"), key).await?;
    refused(visit, status, Kept::Never, &PaymentPage { problem: Some(said), ..page })
}
