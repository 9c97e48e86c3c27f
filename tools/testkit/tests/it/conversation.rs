//! What a shop is asked, from the first account to the last refund, in one order: every route with what it does well
//! and what it refuses. [`tell`] has it with a fleet, whichever, and gives what was answered.

mod bad_input;
mod carts;
mod catalogue;
mod checkouts;
mod covered;
mod node;
mod orders;
mod sales;
mod search;
mod sessions;
mod settings;
mod stock;
mod users;
mod webhooks;

use serde_json::{Value, json};
use shoal_testkit::{Answer, Client, Fleet, Item, PASSWORD, Recording, Request};
use shoal_types::Secret;

pub(crate) use covered::all_of_it;

/// An id of nothing.
pub(crate) const NOTHING: &str = "01h455vb4pex5vsknk084sn02q";

/// Who speaks, and what was said.
pub(crate) struct Talk<'f> {
    /// Where it may be asked which routes every node has, when there are two versions.
    fleet: &'f Fleet,
    pub(crate) guest: Client,
    pub(crate) staff: Client,
    secret: Secret,
    ways: usize,
    recording: Recording,
}

/// Has the whole conversation, each request with the next gateway.
pub(crate) async fn tell(fleet: &Fleet) -> Recording {
    let mut talk = Talk {
        fleet,
        guest: fleet.guest(),
        staff: fleet.staff().await,
        secret: fleet.webhook_secret(),
        ways: fleet.gateways().len(),
        recording: Recording::default(),
    };
    settings::tell(&mut talk).await;
    users::tell(&mut talk).await;
    sessions::tell(&mut talk).await;
    catalogue::tell(&mut talk).await;
    stock::tell(&mut talk).await;
    search::tell(&mut talk).await;
    carts::tell(&mut talk).await;
    checkouts::tell(&mut talk).await;
    orders::tell(&mut talk).await;
    sales::tell(&mut talk).await;
    webhooks::tell(&mut talk).await;
    node::tell(&mut talk).await;
    bad_input::tell(&mut talk).await;
    talk.recording
}

impl Talk<'_> {
    /// Asks, and passes what was answered.
    async fn ask(&mut self, request: Request, status: u16) -> Answer {
        let what = format!("{} {}", request.method(), request.path());
        let answer = self.recording.send(request).await;
        assert_eq!(answer.status, status, "{what} at {}: {answer}", answer.from);
        answer
    }

    /// Asks what is refused with this status and code.
    async fn refuse(&mut self, request: Request, status: u16, code: &str) -> Answer {
        let what = format!("{} {}", request.method(), request.path());
        let answer = self.recording.send(request).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{what} at {}: {answer}", answer.from);
        answer
    }

    /// Asks what nobody may without logging in, nor a customer.
    async fn only_for_staff(&mut self, customer: &Client, request: impl Fn(&Client) -> Request) {
        let guest = self.guest.clone();
        self.refuse(request(&guest), 401, "unauthenticated").await;
        self.refuse(request(customer), 403, "forbidden").await;
    }

    /// Opens an account and logs in.
    async fn customer(&mut self, name: &str) -> Client {
        let email = format!("{name}@example.com");
        let account = json!({"email": email, "password": PASSWORD, "name": name});
        self.ask(self.guest.post("/v1/users", &account), 201).await;
        self.log_in(&email, PASSWORD).await
    }

    async fn log_in(&mut self, email: &str, password: &str) -> Client {
        let login = json!({"email": email, "password": password});
        let token = self.ask(self.guest.post("/v1/sessions", &login), 201).await.text("/token");
        self.guest.with_token(token)
    }

    /// A product of one variant, with pieces on the shelf, at 19.99 EUR.
    async fn item(&mut self, name: &str, stock: i64) -> Item {
        let sku = name.to_uppercase();
        let made = self.ask(self.staff.post("/v1/products", &product(name, stock)), 201).await;
        let variant = made.text("/variants/0/id").parse().expect("a variant's id");
        Item { product: made.text("/id"), variant, sku, price: 1999 }
    }

    /// Asks without keeping the answer, until every gateway has given one that fits.
    async fn until(&self, what: &str, request: &Request, fits: impl Fn(&Answer) -> bool) {
        let mut fitting = 0;
        shoal_testkit::eventually(what, async || {
            fitting = if fits(&request.clone().await) { fitting + 1 } else { 0 };
            fitting == self.ways
        })
        .await;
    }
}

/// A product of one variant.
fn product(name: &str, stock: i64) -> Value {
    json!({"title": name, "variants": [{"sku": name.to_uppercase(), "weight_g": 100, "stock": stock,
        "prices": [{"amount": 1999, "currency": "EUR"}]}]})
}
