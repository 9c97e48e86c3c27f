//! A storefront over services that answer as told, and a browser that sends forms and shows what came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_contract::orders::{Cart, CartLine, CartStatus, Order, OrderStatus, Totals};
use shoal_contract::products::{Category, Offer, Product, ProductStatus, Stock, Variant};
use shoal_contract::{Address, checkout, decode, encode, orders, products, users};
use shoal_net::http::Peer;
use shoal_types::wire::Call;
use shoal_types::{
    Caller, Context, Currency, Deadline, Env, Fault, Id, ManualClock, Money, Noun, Page, Rng, SeededRng,
    Timestamp, TraceId,
};
use shoal_web::{Options, Services, Storefront, storefront};
use tower::ServiceExt;

type Method = Box<dyn Fn(&Context, Bytes) -> Result<Bytes, Fault> + Send + Sync>;

/// Services that answer what they were told to, and `unavailable` to everything else.
#[derive(Default)]
pub(crate) struct Shop {
    methods: HashMap<(&'static str, &'static str), Method>,
    asked: Mutex<Vec<(&'static str, Context)>>,
}

pub(crate) fn env() -> Env {
    let clock = ManualClock::at(now());
    Env::new(Arc::new(clock), Arc::new(SeededRng::new(7)))
}

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-05-03T10:12:00Z").expect("valid")
}

/// The same id for the same number.
pub(crate) fn id<T: Noun>(number: u64) -> Id<T> {
    let rng: &dyn Rng = &SeededRng::new(number);
    rng.id(now())
}

pub(crate) fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

impl Shop {
    /// A shop that sells one mug, and has a guest's cart with two of them.
    pub(crate) fn new() -> Self {
        Self::default()
            .on("products", "list_categories", |_, _: products::ListCategories| {
                ok::<_, products::Error>(categories())
            })
            .on("products", "get_product", |_, asked: products::ProductRef| match asked {
                products::ProductRef::Slug(slug) if slug == "mug" => Ok(product()),
                _ => Err(products::Error::UnknownProduct {}),
            })
            .on("products", "list_products", |_, _: products::ListProducts| {
                ok::<_, products::Error>(Page { items: vec![product()], next: None })
            })
            .on("products", "get_stock", |_, _: products::LookUp| {
                ok::<_, products::Error>(vec![Some(stock(2))])
            })
            .on("products", "look_up", |_, _: products::LookUp| ok::<_, products::Error>(vec![Some(offer())]))
            .on("orders", "get_cart", |_, _: orders::CartRef| ok::<_, orders::Error>(cart()))
            .on("orders", "create_cart", |_, _: orders::NewCart| ok::<_, orders::Error>(cart()))
            .on("orders", "add_line", |_, _: orders::AddLine| ok::<_, orders::Error>(cart()))
            .on("orders", "list_shipping_options", |_, _: orders::CartRef| {
                let standard = orders::ShippingOption {
                    code: "standard".into(),
                    title: "Standard".into(),
                    price: eur(490),
                };
                ok::<_, orders::Error>(vec![standard])
            })
            .on("orders", "list_shipping_zones", |_, _: orders::ListRates| {
                ok::<_, orders::Error>(Vec::<orders::ShippingZone>::new())
            })
    }

    /// Answers `method` of `service` with `answer`.
    pub(crate) fn on<Q, A, E>(
        mut self,
        service: &'static str,
        method: &'static str,
        answer: impl Fn(&Context, Q) -> Result<A, E> + Send + Sync + 'static,
    ) -> Self
    where
        Q: DeserializeOwned,
        A: Serialize,
        E: Serialize,
    {
        let method_of = move |cx: &Context, body: Bytes| encode(&answer(cx, decode(&body)?));
        self.methods.insert((service, method), Box::new(method_of));
        self
    }

    pub(crate) fn open(self) -> Browser {
        let shop = Arc::new(self);
        let services = Services {
            users: Arc::new(users::Remote::new(shop.clone())),
            products: Arc::new(products::Remote::new(shop.clone())),
            orders: Arc::new(orders::Remote::new(shop.clone())),
            checkouts: Arc::new(checkout::Remote::new(shop.clone())),
        };
        let options = Options {
            test_provider: true,
            trusted_proxies: vec!["10.0.0.1".parse().expect("an address")],
            ..Options::new(env(), "Fish & Sons")
        };
        let Storefront { routes, front, .. } = storefront(services, options);
        // The gateway shows the front page itself; here it is the rest of one router.
        Browser { router: routes.fallback_service(front), shop, cookies: Vec::new() }
    }
}

fn ok<T, E>(value: T) -> Result<T, E> {
    Ok(value)
}

#[async_trait]
impl Call for Shop {
    async fn call(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((method, cx.clone()));
        let known = self.methods.get(&(service, method));
        known.ok_or(Fault::Unavailable { what: service.into() })?(cx, body)
    }
}

/// Somebody who looks at the shop.
pub(crate) struct Browser {
    router: Router,
    shop: Arc<Shop>,
    cookies: Vec<String>,
}

/// What came.
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Shown {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What the browser is asked to keep as `name`.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies.into_iter().find_map(|text| text.strip_prefix(name)?.strip_prefix('='))
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let from = format!("name=\"{name}\" value=\"");
        let rest = self.text.split_once(&from).map_or("", |(_, rest)| rest);
        rest.split_once('"').map_or("", |(value, _)| value)
    }
}

impl Browser {
    pub(crate) fn with_cookie(mut self, cookie: impl Into<String>) -> Self {
        self.cookies.push(cookie.into());
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Shown {
        self.send(Request::get(path), "").await
    }

    /// Sends a form from one of the shop's own pages.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Shown {
        self.send(Request::post(path).header("sec-fetch-site", "same-origin"), form).await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: &str) -> Shown {
        let cx = Context {
            deadline: Deadline::at(now().plus(std::time::Duration::from_secs(30))),
            caller: Caller::Anonymous,
            request_id: "r-1".into(),
            trace: TraceId::default(),
            span: None,
            idempotency: None,
        };
        let peer: SocketAddr = "10.0.0.1:9".parse().expect("an address");
        let request = request
            .header(COOKIE, self.cookies.join("; "))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(cx)
            .extension(Peer(peer))
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let (parts, body) = self.router.clone().oneshot(request).await.expect("infallible").into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Shown { status: parts.status, headers: parts.headers, text }
    }

    /// The contexts of all calls of `method`.
    pub(crate) fn asked(&self, method: &str) -> Vec<Context> {
        let asked = self.shop.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.iter().filter(|(name, _)| *name == method).map(|(_, cx)| cx.clone()).collect()
    }
}

fn categories() -> Vec<Category> {
    let kitchen = Category {
        id: id(3),
        slug: "kitchen".into(),
        title: "Kitchen & Table".into(),
        parent: None,
        position: 1,
    };
    vec![kitchen]
}

pub(crate) fn product() -> Arc<Product> {
    let variant = Variant {
        id: id(1),
        sku: "MUG".into(),
        options: Default::default(),
        prices: vec![eur(2200)],
        weight_g: None,
        image: None,
        shippable: true,
    };
    Arc::new(Product {
        id: id(2),
        slug: "mug".into(),
        title: "Mug <script>alert(1)</script>".into(),
        description: "For tea.".into(),
        brand: None,
        category_path: vec![],
        status: ProductStatus::Active,
        tax_category: "standard".into(),
        options: vec![],
        variants: vec![variant],
        images: vec![],
        attributes: Default::default(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    })
}

fn stock(available: i64) -> Stock {
    Stock { variant: id(1), sku: "MUG".into(), on_hand: available, reserved: 0, available }
}

fn offer() -> Offer {
    Offer {
        variant: id(1),
        product: id(2),
        sku: "MUG".into(),
        slug: "mug".into(),
        title: "Mug".into(),
        choice: String::new(),
        image: None,
        prices: vec![eur(2200)],
        tax_category: "standard".into(),
        weight_g: 0,
        shippable: true,
    }
}

fn totals() -> Totals {
    Totals {
        subtotal: eur(4400),
        discount: eur(0),
        shipping: eur(490),
        tax_added: eur(0),
        tax_included: eur(702),
        total: eur(4890),
        taxes: vec![],
    }
}

/// A guest's cart with two mugs, ready to be paid.
pub(crate) fn cart() -> Cart {
    let line = CartLine {
        sku: "MUG".into(),
        quantity: 2,
        note: None,
        available: true,
        title: "Mug".into(),
        choice: String::new(),
        slug: "mug".into(),
        image: None,
        unit_price: eur(2200),
        total: eur(4400),
    };
    let address = Address {
        name: "Ada".into(),
        line1: "1 Pier Road".into(),
        line2: None,
        city: "Hamburg".into(),
        postal_code: Some("20457".into()),
        region: None,
        country: "DE".into(),
        phone: None,
    };
    Cart {
        id: id(5),
        status: CartStatus::Open,
        customer: None,
        currency: Currency::EUR,
        lines: vec![line],
        note: None,
        email: Some("ada@example.com".into()),
        shipping_address: Some(address),
        billing_address: None,
        shipping_method: Some("standard".into()),
        totals: totals(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

pub(crate) fn order() -> Order {
    Order {
        id: id(6),
        number: "S-1".into(),
        source: "web".into(),
        status: OrderStatus::Paid,
        customer: None,
        email: Some("ada@example.com".into()),
        cart: Some(id(5)),
        lines: vec![],
        note: None,
        shipping_address: None,
        billing_address: None,
        shipping_method: None,
        totals: totals(),
        paid: eur(4890),
        refunded: eur(0),
        fulfilments: vec![],
        returns: vec![],
        version: 1,
        placed_at: now(),
        updated_at: now(),
    }
}
