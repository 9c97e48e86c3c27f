use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use http::Method;
use shoal_net::http::{Class, RouteRule};

use crate::shop::{Options, Services, Shop};
use crate::{
    account, assets, cart, category, checkout, guard, home, login, order, password, payment, product, search,
    status,
};

/// The pages, to be served in the stack of the API: it gives requests their context, ids and limits.
pub struct Storefront {
    /// Every page but `/`.
    pub routes: Router,
    /// `/`, and as the fallback the page for addresses that do not exist.
    pub front: Router,
    /// What some routes do differently from the others.
    pub rules: Vec<RouteRule>,
}

/// The pages of a shop over `services`.
pub fn storefront(services: Services, options: Options) -> Storefront {
    let shop = Shop::new(services, options);
    let guarded = |router: Router<Shop>| {
        router.layer(from_fn_with_state(shop.clone(), guard::guard)).with_state(shop.clone())
    };
    let front = Router::new().route("/", get(home::show)).fallback(home::missing);
    let routes = catalogue().merge(purchase()).merge(people());
    Storefront { routes: guarded(routes), front: guarded(front), rules: rules() }
}

fn catalogue() -> Router<Shop> {
    Router::new()
        .route("/c/{slug}", get(category::show))
        .route("/p/{slug}", get(product::show))
        .route("/search", get(search::show))
        .route(assets::STYLE_PATH, get(assets::style))
        .route(assets::ICON_PATH, get(assets::icon))
}

fn purchase() -> Router<Shop> {
    Router::new()
        .route("/cart", get(cart::show).post(cart::change))
        .route("/cart/lines", post(cart::add))
        .route("/cart/new", post(cart::begin_anew))
        .route("/checkout", get(checkout::show).post(payment::place))
        .route("/checkout/details", post(checkout::set_details))
        .route("/checkout/shipping", post(checkout::set_shipping))
        .route("/checkout/status", get(status::show).post(status::resume))
        .route("/orders/{order}", get(order::show))
}

fn people() -> Router<Shop> {
    Router::new()
        .route("/login", get(login::show).post(login::log_in))
        .route("/register", get(login::show_register).post(login::register))
        .route("/logout", post(login::log_out))
        .route("/password/forgotten", get(password::show_forgotten).post(password::request))
        .route("/password/new", get(password::show_new).post(password::choose))
        .route("/account", get(account::show))
        .route("/account/addresses", post(account::save_address))
        .route("/account/addresses/remove", post(account::remove_address))
}

fn rules() -> Vec<RouteRule> {
    let login = |route: &str| RouteRule::new(Some(Method::POST), route).class(Class::Login);
    // As at the API: a saga may wait for a payment provider that is slow to answer.
    let patient = RouteRule::new(Some(Method::POST), "/checkout").timeout(Duration::from_secs(60));
    vec![login("/login"), login("/register"), login("/password/forgotten"), login("/password/new"), patient]
}
