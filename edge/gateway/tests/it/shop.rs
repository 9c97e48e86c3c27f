//! A gateway over services that answer as told, and what they were asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shoal_contract::users::{Authenticated, Token};
use shoal_contract::{checkout, decode, encode, nodes, notifications, orders, products, users};
use shoal_gateway::{Options, Services, router};
use shoal_types::wire::Call;
use shoal_types::{Context, Env, Fault, Id, ManualClock, Noun, Rng, Role, SeededRng, Timestamp};
use tower::ServiceExt;

type Method = Box<dyn Fn(&Context, Bytes) -> Result<Bytes, Fault> + Send + Sync>;

/// Services that answer what they were told to, and `unavailable` to everything else.
#[derive(Default)]
pub(crate) struct Shop {
    methods: HashMap<(&'static str, &'static str), Method>,
    hanging: Vec<&'static str>,
    asked: Mutex<Vec<Context>>,
}

pub(crate) fn env() -> Env {
    let clock = ManualClock::at(Timestamp::parse("2026-05-03T10:12:00Z").expect("valid"));
    Env::new(Arc::new(clock), Arc::new(SeededRng::new(7)))
}

/// The same id for the same number.
pub(crate) fn id<T: Noun>(number: u64) -> Id<T> {
    let rng: &dyn Rng = &SeededRng::new(number);
    rng.id(env().now())
}

impl Shop {
    /// A shop where `Bearer ada` is a customer and `Bearer bob` an administrator.
    pub(crate) fn new() -> Self {
        Self::default().on("users", "authenticate", |_, Token { token }| {
            let known = |number, role| Authenticated { user: id(number), role, session: id(number) };
            match token.expose() {
                "ada" => Ok(known(1, Role::Customer)),
                "bob" => Ok(known(2, Role::Administrator)),
                _ => Err(users::Error::from(Fault::Unauthenticated {})),
            }
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

    /// Lets every call to `service` wait for ever.
    pub(crate) fn hang(mut self, service: &'static str) -> Self {
        self.hanging.push(service);
        self
    }

    /// The API over these services.
    pub(crate) fn open(self) -> Api {
        self.open_with(Options::new(env()))
    }

    pub(crate) fn open_with(self, options: Options) -> Api {
        let shop = Arc::new(self);
        let services = Services {
            users: Some(Arc::new(users::Remote::new(shop.clone()))),
            products: Some(Arc::new(products::Remote::new(shop.clone()))),
            orders: Some(Arc::new(orders::Remote::new(shop.clone()))),
            checkouts: Some(Arc::new(checkout::Remote::new(shop.clone()))),
            notifications: Some(Arc::new(notifications::Remote::new(shop.clone()))),
            nodes: Some(Arc::new(nodes::Remote::new(shop.clone()))),
        };
        Api { router: router(services, options), shop }
    }
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
        if self.hanging.contains(&service) {
            std::future::pending::<()>().await;
        }
        if method != "authenticate" {
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(cx.clone());
        }
        let known = self.methods.get(&(service, method));
        known.ok_or(Fault::Unavailable { what: service.into() })?(cx, body)
    }
}

/// The API, and what it asked its services.
pub(crate) struct Api {
    router: Router,
    shop: Arc<Shop>,
}

impl Api {
    /// The contexts of the calls so far, without those that find out who calls.
    pub(crate) fn asked(&self) -> Vec<Context> {
        self.shop.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends `METHOD /path` with headers and, if it is not null, a JSON body.
    pub(crate) async fn send(&self, line: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        match body {
            Value::Null => self.send_text(line, headers, "").await,
            json => {
                let headers = [headers, &[("content-type", "application/json")]].concat();
                self.send_text(line, &headers, &json.to_string()).await
            }
        }
    }

    /// Sends `METHOD /path` with headers and a body as it is.
    pub(crate) async fn send_text(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, uri) = line.split_once(' ').expect("a method and a path");
        let mut request = Request::builder().method(method).uri(uri).header("x-request-id", "r1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_empty() { Body::empty() } else { Body::from(body.to_owned()) };
        let request = request.body(body).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("the router never fails");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the body comes whole").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[], Value::Null).await
    }

    pub(crate) async fn get_as(&self, token: &str, path: &str) -> Answer {
        self.send(&format!("GET {path}"), &[("authorization", &format!("Bearer {token}"))], Value::Null).await
    }
}

/// An answer of the API.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    /// `409 stock_too_low`, or the status alone.
    pub(crate) fn says(&self) -> String {
        let code = serde_json::from_slice::<Value>(&self.body).ok();
        match code.and_then(|json| json["code"].as_str().map(str::to_owned)) {
            Some(code) => format!("{} {code}", self.status.as_u16()),
            None => self.status.as_u16().to_string(),
        }
    }
}

/// A user in full.
pub(crate) fn user(number: u64) -> users::User {
    users::User {
        id: id(number),
        email: format!("user{number}@example.com"),
        name: "Ada".into(),
        phone: None,
        role: Role::Customer,
        accepts_marketing: false,
        tags: Vec::new(),
        version: 3,
        created_at: env().now(),
        updated_at: env().now(),
    }
}

/// A product in full.
pub(crate) fn product(title: &str) -> Arc<products::Product> {
    Arc::new(products::Product {
        id: id(5),
        slug: "mug".into(),
        title: title.into(),
        description: String::new(),
        brand: None,
        category_path: Vec::new(),
        status: products::ProductStatus::Active,
        tax_category: "standard".into(),
        options: Vec::new(),
        variants: Vec::new(),
        images: Vec::new(),
        attributes: Default::default(),
        version: 7,
        created_at: env().now(),
        updated_at: env().now(),
    })
}
