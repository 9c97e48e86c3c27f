use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::Method;
use shoal_net::http::{Class, RouteRule, Stack};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::OrderToken;
use crate::gateway::{Gateway, Options, Services};
use crate::{
    carts, categories, checkouts, cluster, docs, error_pages, home, media, orders, overview, products, sales,
    sessions, settings, stock, users, webhooks,
};
use crate::{mails, password_resets};

/// The whole public API over `services`, with limits, problems, logs and metrics around it.
pub fn router(services: Services, options: Options) -> Router {
    let stack = Stack::new(options.env.clone(), options.http.clone()).header(OrderToken::NAME);
    let mut stack = rules().into_iter().fold(stack, Stack::rule);
    let pages = options.pages.clone();
    let (health, metrics, with_docs) = (options.health.clone(), options.metrics.clone(), options.docs);
    let mut routes: Router<Gateway> = described().into();
    routes = routes.route("/favicon.ico", get(home::no_icon));
    if with_docs {
        routes = routes.merge(docs::router());
    }
    let mut router = routes.with_state(Gateway::new(services, options)).merge(health.router());
    if let Some(metrics) = metrics {
        router = router.merge(metrics.router());
    }
    if let Some(pages) = pages {
        stack = pages.rules.into_iter().fold(stack, Stack::rule).pages(pages.front);
        router = router.merge(pages.routes);
    }
    stack.wrap(router)
}

/// What some routes do differently from the others.
fn rules() -> Vec<RouteRule> {
    let login = |method, route: &str| RouteRule::new(Some(method), route).class(Class::Login);
    let staff = |method, route: &str| RouteRule::new(Some(method), route).kept();
    vec![
        // What staff need to look after a shop that is overrun.
        staff(Method::GET, "/v1/cluster"),
        staff(Method::GET, "/v1/sales"),
        staff(Method::PUT, "/v1/users/{user}/role"),
        staff(Method::DELETE, "/v1/products/{product}"),
        staff(Method::POST, "/v1/stock/{sku}/adjustments"),
        staff(Method::POST, "/v1/orders/{order}/fulfilments"),
        staff(Method::POST, "/v1/orders/{order}/refunds"),
        staff(Method::PUT, "/v1/settings/shipping-zones"),
        staff(Method::PUT, "/v1/settings/tax-rates"),
        login(Method::POST, "/v1/sessions"),
        login(Method::POST, "/v1/users"),
        login(Method::PUT, "/v1/users/{user}/password"),
        login(Method::POST, "/v1/password-resets"),
        login(Method::POST, "/v1/password-resets/confirm"),
        // A saga may wait for a payment provider that is slow to answer.
        RouteRule::new(Some(Method::POST), "/v1/checkouts").timeout(Duration::from_secs(60)),
    ]
}

/// The routes that the API description lists, and the description as the handlers give it.
pub(crate) fn described() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new().merge(accounts()).merge(catalogue()).merge(sales()).merge(outside()).merge(node())
}

fn accounts() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(users::list_users, users::register_user))
        .routes(routes!(users::create_user))
        .routes(routes!(users::get_user, users::update_user, users::delete_user))
        .routes(routes!(users::get_me, users::update_me))
        .routes(routes!(users::set_role))
        .routes(routes!(users::change_password))
        .routes(routes!(password_resets::request_password_reset))
        .routes(routes!(password_resets::confirm_password_reset))
        .routes(routes!(mails::list_mails))
        .routes(routes!(mails::resend_mail))
        .routes(routes!(users::list_addresses, users::add_address))
        .routes(routes!(users::replace_address, users::remove_address))
        .routes(routes!(sessions::log_in, sessions::list_sessions, sessions::revoke_sessions))
        .routes(routes!(sessions::rotate_session))
        .routes(routes!(sessions::log_out))
        .routes(routes!(sessions::revoke_session))
}

fn catalogue() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(products::list_products, products::create_product))
        .routes(routes!(products::get_product, products::replace_product, products::archive_product))
        .routes(routes!(products::search))
        .routes(routes!(categories::list_categories, categories::create_category))
        .routes(routes!(categories::replace_category, categories::remove_category))
        .routes(routes!(stock::list_stock))
        .routes(routes!(stock::get_stock))
        .routes(routes!(stock::adjust_stock))
        .routes(routes!(stock::list_movements))
}

fn sales() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(carts::list_carts, carts::create_cart))
        .routes(routes!(carts::get_current_cart))
        .routes(routes!(carts::get_cart, carts::update_cart, carts::remove_cart))
        .routes(routes!(carts::add_cart_line))
        .routes(routes!(carts::set_cart_line, carts::remove_cart_line))
        .routes(routes!(carts::merge_cart))
        .routes(routes!(carts::list_shipping_options))
        .routes(routes!(checkouts::place_order))
        .routes(routes!(checkouts::get_checkout))
        .routes(routes!(checkouts::resume_checkout))
        .routes(routes!(checkouts::take_notice))
        .routes(routes!(orders::list_orders))
        .routes(routes!(orders::get_order))
        .routes(routes!(orders::list_timeline))
        .routes(routes!(orders::cancel_order))
        .routes(routes!(orders::fulfil_order))
        .routes(routes!(orders::return_goods))
        .routes(routes!(orders::refund_order))
        .routes(routes!(orders::add_note))
        .routes(routes!(orders::list_payments))
        .routes(routes!(sales::list_sales))
        .routes(routes!(sales::recount_sales))
        .routes(routes!(settings::list_tax_rates, settings::set_tax_rates))
        .routes(routes!(settings::list_shipping_zones, settings::set_shipping_zones))
}

fn outside() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(webhooks::list_webhook_endpoints, webhooks::create_webhook_endpoint))
        .routes(routes!(
            webhooks::get_webhook_endpoint,
            webhooks::update_webhook_endpoint,
            webhooks::delete_webhook_endpoint
        ))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(webhooks::enable_webhook_endpoint))
        .routes(routes!(webhooks::disable_webhook_endpoint))
        .routes(routes!(webhooks::test_webhook_endpoint))
        .routes(routes!(webhooks::resend_failed_webhooks))
        .routes(routes!(webhooks::list_webhook_deliveries))
        .routes(routes!(webhooks::get_webhook_delivery))
        .routes(routes!(webhooks::resend_webhook))
}

fn node() -> OpenApiRouter<Gateway> {
    OpenApiRouter::new()
        .routes(routes!(overview::get_overview))
        .routes(routes!(cluster::get_cluster))
        .routes(routes!(home::get_home))
        .routes(routes!(error_pages::list_errors))
        .routes(routes!(error_pages::get_error))
        .routes(routes!(media::get_media))
}
