use std::sync::LazyLock;

use axum::response::Response;
use http::header::HeaderMap;
use shoal_net::http::{Entity, fingerprint};

pub(crate) const STYLE_PATH: &str = "/assets/shop.css";
pub(crate) const ICON_PATH: &str = "/assets/icon.svg";

const STYLE_TEXT: &str = include_str!("../assets/shop.css");
const ICON_TEXT: &str = include_str!("../assets/icon.svg");

/// Its address changes with its text, so it may be kept for ever.
static STYLE: LazyLock<Entity> = LazyLock::new(|| {
    Entity::bytes("text/css; charset=utf-8", STYLE_TEXT)
        .with_cache_control("public, max-age=31536000, immutable")
});
static STYLE_ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let digest = fingerprint(&http::Method::GET, STYLE_PATH, STYLE_TEXT.as_bytes());
    format!("{STYLE_PATH}?v={}", hex::encode(&digest[..6]))
});
static ICON: LazyLock<Entity> =
    LazyLock::new(|| Entity::bytes("image/svg+xml", ICON_TEXT).with_cache_control("public, max-age=86400"));

pub(crate) fn style_address() -> &'static str {
    &STYLE_ADDRESS
}

pub(crate) async fn style(headers: HeaderMap) -> Response {
    STYLE.answer(&headers)
}

pub(crate) async fn icon(headers: HeaderMap) -> Response {
    ICON.answer(&headers)
}
