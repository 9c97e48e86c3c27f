use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::checkout::{Checkout, CheckoutRef, CheckoutStatus};
use shoal_types::Secret;

use crate::cookies::Cookie;
use crate::form::Form;
use crate::link::link;
use crate::page::{Frame, Framed, Kept, lead_to, shown};
use crate::payment::lead_on;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

/// How often the page of a checkout under way asks again.
const REFRESH_S: u32 = 3;

#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    frame: Frame,
    /// Where the buyer confirms the payment; absent while it is only under way.
    confirm: Option<String>,
}

impl Framed for StatusPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// Where the checkout under way is.
pub(crate) async fn show(State(shop): State<Shop>, visit: Visit) -> Result<Response, Trouble> {
    let Some(checkout) = remembered(&visit) else { return Ok(lead_to("/cart")) };
    let checkout = shop.checkouts().get(&visit.cx, checkout).await?;
    describe(&shop, &visit, checkout).await
}

/// Asks the provider how the payment stands, and goes on.
pub(crate) async fn resume(
    State(shop): State<Shop>,
    visit: Visit,
    Form(_): Form,
) -> Result<Response, Trouble> {
    let Some(checkout) = remembered(&visit) else { return Ok(lead_to("/cart")) };
    let checkout = shop.checkouts().resume(&visit.cx, checkout).await?;
    Ok(match checkout.status {
        CheckoutStatus::Completed => lead_on(&visit, &checkout),
        _ => lead_to("/checkout/status"),
    })
}

fn remembered(visit: &Visit) -> Option<CheckoutRef> {
    let kept = visit.cookie(Cookie::Checkout)?;
    // A guest's has its token behind a dot; a customer's is the id alone.
    let (checkout, token) = match kept.split_once('.') {
        Some((checkout, token)) => (checkout, Some(Secret::new(token))),
        None => (kept.as_str(), None),
    };
    Some(CheckoutRef { checkout: checkout.parse().ok()?, token })
}

async fn describe(shop: &Shop, visit: &Visit, checkout: Checkout) -> Result<Response, Trouble> {
    match checkout.status {
        CheckoutStatus::Completed => Ok(lead_on(visit, &checkout)),
        CheckoutStatus::Failed => {
            let mut response = lead_to(&link("/checkout", [("declined", "not_confirmed")]));
            visit.forget(&mut response, Cookie::Checkout);
            Ok(response)
        }
        CheckoutStatus::Processing | CheckoutStatus::AwaitingPayment => {
            let mut frame = Frame::new(shop, visit, "Your payment").await?;
            frame.refresh_s = checkout.redirect_url.is_none().then_some(REFRESH_S);
            shown(visit, Kept::Never, &StatusPage { frame, confirm: checkout.redirect_url })
        }
    }
}
