//! More requests of the public API than a node can do. In paused time: each test is the same each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use futures::future::join_all;
use http::{Method, StatusCode};
use shoal_net::http::{Class, HttpConfig, RateLimitConfig, RouteRule, Stack};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use crate::api::{env, request, send};

const OWN: Duration = Duration::from_millis(40);
const WORKERS: usize = 12;
/// A client waits so long.
const PATIENCE: Duration = Duration::from_secs(1);

/// A shop in which twelve can buy at the same time.
struct Shop {
    app: Router,
    begun: Arc<AtomicU32>,
}

impl Shop {
    fn open() -> Self {
        let (workers, begun) = (Arc::new(Semaphore::new(WORKERS)), Arc::new(AtomicU32::new(0)));
        let counted = begun.clone();
        let buy = async move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let _worker = workers.acquire().await;
            sleep(OWN).await;
        };
        let routes = Router::new()
            .route("/buy", post(buy.clone()))
            .route("/login", post(async || ()))
            .route("/staff", post(async || ()))
            .route("/look", get(async || ()));
        let limits = RateLimitConfig { enabled: false, ..RateLimitConfig::default() };
        let config =
            HttpConfig { rate_limits: limits, patience: Duration::from_millis(300), ..HttpConfig::default() };
        let app = Stack::new(env().0, config)
            .rule(RouteRule::new(Some(Method::POST), "/login").class(Class::Login))
            .rule(RouteRule::new(Some(Method::POST), "/staff").kept())
            .wrap(routes);
        Self { app, begun }
    }

    async fn ask(&self, line: &str, key: &str) -> (StatusCode, Option<String>) {
        let asked = request(line).header("idempotency-key", key).body(Body::empty()).expect("a request");
        let answer = send(&self.app, asked).await;
        (answer.status, answer.header("retry-after").map(str::to_owned))
    }

    /// Sends so many purchases, `rate` each second: how many were done in time, and how many refused.
    async fn crowd(&self, rate: u32, count: u32) -> (u32, u32) {
        let begin = Instant::now();
        let one = async |number: u32| {
            tokio::time::sleep_until(begin + Duration::from_secs(1) * number / rate).await;
            let (asked, key) = (Instant::now(), number.to_string());
            let answer = timeout(PATIENCE, self.ask("POST /buy", &key)).await;
            if matches!(answer, Ok((StatusCode::SERVICE_UNAVAILABLE, _))) {
                assert_eq!(asked.elapsed(), Duration::ZERO, "a refusal is early");
            }
            answer.ok().map(|answer| answer.0)
        };
        let answers = join_all((0..count).map(one)).await;
        let count = |status| answers.iter().filter(|answer| **answer == Some(status)).count() as u32;
        (count(StatusCode::OK), count(StatusCode::SERVICE_UNAVAILABLE))
    }
}

#[tokio::test(start_paused = true)]
async fn five_times_the_load_leaves_nine_tenths_and_nothing_afterwards() {
    let shop = Shop::open();
    // Twelve at 40 ms: 300 a second at most.
    let (done, refused) = shop.crowd(150, 750).await;
    assert_eq!((done, refused), (750, 0));
    let before = shop.begun.load(Ordering::Relaxed);
    let (done, refused) = shop.crowd(1_500, 15_000).await;
    assert!(done >= 2_700, "{done} of 3,000 were done, {refused} refused");
    let begun = shop.begun.load(Ordering::Relaxed) - before;
    assert_eq!(begun, 15_000 - refused, "what is refused is never begun");
    let (done, refused) = shop.crowd(150, 1_500).await;
    assert_eq!((done, refused), (1_500, 0), "it is as it was at once");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_buyers_leaves_the_others_and_its_own_repeats_their_place() {
    let shop = Arc::new(Shop::open());
    let crowd = tokio::spawn({
        let shop = shop.clone();
        async move { join_all((0..400).map(|key| shop.clone().ask_owned(key))).await }
    });
    while shop.begun.load(Ordering::Relaxed) < 256 {
        tokio::task::yield_now().await;
    }
    let refused = (StatusCode::SERVICE_UNAVAILABLE, Some("1".to_owned()));
    assert_eq!(shop.ask("POST /buy", "another").await, refused);
    for line in ["GET /look", "POST /login", "POST /staff"] {
        assert_eq!(shop.ask(line, "any").await.0, StatusCode::OK, "{line}");
    }
    assert_eq!(
        shop.ask("POST /buy", "0").await.0,
        StatusCode::OK,
        "it is under way, who sent it may wait for it"
    );
    let answers = crowd.await.expect("no panic");
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::OK).count(), 256);
}

impl Shop {
    async fn ask_owned(self: Arc<Self>, key: u32) -> StatusCode {
        self.ask("POST /buy", &key.to_string()).await.0
    }
}
