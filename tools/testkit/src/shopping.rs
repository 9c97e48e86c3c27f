use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use shoal_checkout::sign;
use shoal_contract::products::VariantId;
use shoal_types::Secret;

use crate::client::{Answer, Client, Lost, Request};

/// A password that is long and hard enough to guess for every account of a test.
pub const PASSWORD: &str = "seventeen-wading-Herons";

/// Something to buy: a product of one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The product's id.
    pub product: String,
    /// The variant's id.
    pub variant: VariantId,
    /// The variant's SKU.
    pub sku: String,
    /// Price of one, cents.
    pub price: i64,
}

/// A product to be made; see [`Client::product`].
#[derive(Debug, Clone)]
pub struct NewItem {
    staff: Client,
    name: String,
    stock: i64,
    price: i64,
}

impl NewItem {
    /// With this many pieces on the shelf; none if not said.
    pub fn stock(self, pieces: i64) -> Self {
        Self { stock: pieces, ..self }
    }

    /// At this price, cents.
    pub fn price(self, cents: i64) -> Self {
        Self { price: cents, ..self }
    }

    /// Makes it.
    pub async fn create(self) -> Item {
        let sku = self.name.to_uppercase().replace(' ', "-");
        let body = json!({
            "title": self.name,
            "variants": [{
                "sku": sku, "prices": [{"amount": self.price, "currency": "EUR"}],
                "weight_g": 100, "stock": self.stock,
            }],
        });
        let made = self.staff.post("/v1/products", &body).patiently().await.expect(201);
        Item {
            product: made.text("/id"),
            variant: made.text("/variants/0/id").parse().expect("a variant's id"),
            sku,
            price: self.price,
        }
    }
}

/// What shoppers and staff do, in their own words.
impl Client {
    /// A product that costs 19.99 EUR unless said otherwise; for staff.
    pub fn product(&self, name: &str) -> NewItem {
        NewItem { staff: self.clone(), name: name.to_owned(), stock: 0, price: 1999 }
    }

    /// Opens an account as `name@example.com` and logs in.
    pub async fn register(&self, name: &str) -> Client {
        let email = format!("{name}@example.com");
        let account = json!({"email": email, "password": PASSWORD, "name": name});
        self.post("/v1/users", &account).patiently().await.expect(201);
        self.log_in(&email, PASSWORD).await
    }

    /// Logs in.
    pub async fn log_in(&self, email: &str, password: &str) -> Client {
        let login = json!({"email": email, "password": password});
        let token = self.post("/v1/sessions", &login).patiently().await.expect(201).text("/token");
        self.with_token(token)
    }

    /// Buys pieces of one item without a cart.
    pub async fn checkout(&self, item: &Item, quantity: i64) -> Answer {
        self.buy(&[(item, quantity)]).await
    }

    /// Buys lines without a cart, to be shipped to a valid address.
    pub fn buy(&self, lines: &[(&Item, i64)]) -> Purchase {
        Purchase::new(
            self,
            json!({
                "lines": these(lines), "email": "ada@example.com", "shipping_address": address(),
                "shipping_method": "standard", "payment": {"token": "tok_success"},
            }),
        )
    }

    /// Opens a cart with everything a checkout needs; its id.
    pub async fn cart(&self, lines: &[(&Item, i64)]) -> String {
        self.open_cart(lines).await.expect(201).text("/id")
    }

    /// The request that opens a cart with everything a checkout needs.
    pub fn open_cart(&self, lines: &[(&Item, i64)]) -> Request {
        let details = json!({
            "email": "ada@example.com", "shipping_address": address(), "shipping_method": "standard",
        });
        let cart = json!({"lines": these(lines), "details": details});
        self.post("/v1/carts", &cart)
    }

    /// Buys a cart.
    pub fn pay(&self, cart: &str) -> Purchase {
        Purchase::new(self, json!({"cart": cart, "payment": {"token": "tok_success"}}))
    }

    /// Asks where the checkout is that was begun with this answer.
    pub fn follow(&self, begun: &Answer) -> Request {
        self.get(format!("/v1/checkouts/{}", begun.text("/id"))).header("order-token", order_token(begun))
    }

    /// Comes back from the payment provider to the checkout that was begun with this answer.
    pub fn resume(&self, begun: &Answer) -> Request {
        let path = format!("/v1/checkouts/{}/resume", begun.text("/id"));
        self.post(path, &json!({})).header("order-token", order_token(begun))
    }

    /// Reports, as the payment provider does with `secret`, that the buyer has confirmed (`payment.authorised`) or
    /// refused (`payment.failed`) the payment of the checkout that was begun with this answer.
    pub fn notice(&self, secret: &Secret, event: &str, kind: &str, begun: &Answer) -> Request {
        let payment = format!("{}/authorise", begun.text("/id"));
        let body = json!({"id": event, "type": kind, "payment": payment}).to_string();
        let request = self.request(http::Method::POST, "/v1/webhooks/payments/test");
        request.header("webhook-signature", sign(secret, &body)).body(body)
    }

    /// The pieces of an item that can be sold.
    pub async fn stock(&self, item: &Item) -> i64 {
        self.get(format!("/v1/stock/{}", item.sku)).await.expect(200).number("/available")
    }
}

/// A checkout about to be sent; await it for its [`Answer`].
#[derive(Debug, Clone)]
pub struct Purchase {
    request: Request,
    key: String,
    body: Value,
}

impl Purchase {
    fn new(client: &Client, body: Value) -> Self {
        let request = client.request(http::Method::POST, "/v1/checkouts");
        Self { request, key: fresh_key(), body }
    }

    /// Under this idempotency key; under one never used before if not said.
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self }
    }

    /// With this card of the test provider; with `tok_success` if not said.
    pub fn card(mut self, token: &str) -> Self {
        self.body["payment"]["token"] = token.into();
        self
    }

    /// With this member of the body set.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.body[member] = value;
        self
    }

    /// The request, ready to be sent.
    pub fn request(self) -> Request {
        self.request.key(self.key).json(&self.body)
    }

    /// Sends it.
    ///
    /// # Errors
    /// If no whole answer came.
    pub async fn send(self) -> Result<Answer, Lost> {
        self.request().send().await
    }
}

impl IntoFuture for Purchase {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        self.request().into_future()
    }
}

/// An idempotency key that no other request of this test has.
pub fn fresh_key() -> String {
    static KEYS: AtomicU64 = AtomicU64::new(1);
    format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed))
}

/// What a guest was given; empty for a customer.
fn order_token(begun: &Answer) -> String {
    begun.at("/order_token").as_str().unwrap_or_default().to_owned()
}

/// Where goods go.
pub fn address() -> Value {
    json!({
        "name": "Ada Sprat", "line1": "1 Pier Road", "city": "Hamburg", "postal_code": "20457", "country": "DE",
    })
}

fn these(lines: &[(&Item, i64)]) -> Value {
    lines.iter().map(|(item, quantity)| json!({"sku": item.sku, "quantity": quantity})).collect()
}
