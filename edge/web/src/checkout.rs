use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use shoal_contract::orders::{Cart, CartChange, CartRef, CartStatus, ListRates, ShippingOption, UpdateCart};
use shoal_contract::products::LookUp;
use shoal_contract::users::{AddressBody, SaveAddress, SavedAddress, UserRef};
use shoal_contract::{Address, check};
use shoal_types::{Fact, Kind};

use crate::address_form::{self, served};
use crate::basket::Basket;
use crate::cart;
use crate::field::{Field, blame};
use crate::form::{Asked, Fields, Form};
use crate::link::link;
use crate::page::{Frame, Framed, Kept, lead_to, refused, shown};
use crate::payment;
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words;

#[derive(Template)]
#[template(path = "details.html")]
struct DetailsPage {
    frame: Frame,
    basket: Basket,
    contact: Vec<Field>,
    /// Empty if nothing goes in a parcel.
    address: Vec<Field>,
    saved: Vec<Saved>,
    guest: bool,
    problem: Option<String>,
}

impl Framed for DetailsPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// A saved address, to be taken with one click.
struct Saved {
    href: String,
    line: String,
    current: bool,
}

/// A cart that can be ordered, and whether it goes in a parcel.
pub(crate) struct Ready {
    pub(crate) cart: Cart,
    pub(crate) shippable: bool,
}

impl Ready {
    fn is_addressed(&self) -> bool {
        self.cart.email.is_some() && (self.cart.shipping_address.is_some() || !self.shippable)
    }
}

/// The visitor's cart, or where to go without one that can be ordered.
pub(crate) async fn ready(shop: &Shop, visit: &Visit) -> Result<Result<Ready, Response>, Trouble> {
    let Some(cart) = visit.cart(shop).await?.filter(|cart| !cart.lines.is_empty()) else {
        return Ok(Err(lead_to("/cart")));
    };
    if cart.status == CartStatus::Paying {
        let known = visit.cookie(crate::cookies::Cookie::Checkout).is_some();
        return Ok(Err(lead_to(if known { "/checkout/status" } else { "/cart" })));
    }
    let skus = cart.lines.iter().map(|line| line.sku.clone()).collect();
    let offers = shop.products().look_up(&visit.cx, LookUp { skus }).await?;
    let shippable = offers.iter().flatten().any(|offer| offer.shippable);
    Ok(Ok(Ready { cart, shippable }))
}

/// Where it goes, or once that is known how, and how it is paid.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let ready = match ready(&shop, &visit).await? {
        Ok(ready) => ready,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if ready.is_addressed() && asked.text("edit").is_empty() {
        let said = asked.filled("declined").map(words::declined);
        return payment::show(&shop, &visit, ready, said).await;
    }
    shown(&visit, Kept::Never, &details(&shop, &visit, &ready, asked.text("address")).await?)
}

async fn details(shop: &Shop, visit: &Visit, ready: &Ready, wanted: &str) -> Result<DetailsPage, Trouble> {
    let (mut email, mut saved) = (ready.cart.email.clone(), Vec::new());
    if let Some(customer) = visit.customer {
        let reference = UserRef { user: customer.user };
        if email.is_none() {
            email = Some(shop.users().get_user(&visit.cx, reference).await?.email);
        }
        saved = shop.users().list_addresses(&visit.cx, reference).await?;
    }
    let picked = saved.iter().find(|it| it.id.to_string() == wanted).map(|it| it.address.clone());
    let address = picked.or(ready.cart.shipping_address.clone());
    let address = address.or(saved.first().map(|it| it.address.clone()));
    let mut page = form(shop, visit, ready, email.as_deref().unwrap_or_default(), address.as_ref()).await?;
    page.saved = saved.iter().map(|it| choice(it, address.as_ref())).collect();
    Ok(page)
}

fn choice(saved: &SavedAddress, current: Option<&Address>) -> Saved {
    let id = saved.id.to_string();
    Saved {
        href: link("/checkout", [("edit", "details"), ("address", id.as_str())]),
        line: address_form::lines(&saved.address).join(", "),
        current: current == Some(&saved.address),
    }
}

async fn form(
    shop: &Shop,
    visit: &Visit,
    ready: &Ready,
    email: &str,
    address: Option<&Address>,
) -> Result<DetailsPage, Trouble> {
    let email = Field::new("email", "E-mail address", email)
        .kind("email")
        .autocomplete("email")
        .hint("So that we can reach you about your order.");
    let address = match ready.shippable {
        true => address_form::fields(address, served(shop, &visit.cx).await?),
        false => Vec::new(),
    };
    Ok(DetailsPage {
        frame: Frame::with_cart(shop, visit, "Checkout", Some(&ready.cart)).await,
        basket: cart::basket(shop, visit, &ready.cart).await,
        contact: vec![email],
        address,
        saved: Vec::new(),
        guest: visit.customer.is_none(),
        problem: None,
    })
}

/// Takes down where it goes.
pub(crate) async fn set_details(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let ready = match ready(&shop, &visit).await? {
        Ok(ready) => ready,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let address = ready.shippable.then(|| address_form::read(&form));
    let change = CartChange {
        email: Some(form.text("email").to_owned()),
        shipping_address: address.clone(),
        ..Default::default()
    };
    if let Err(fault) = check(&change) {
        return refuse(&shop, &visit, &ready, &form, fault).await;
    }
    let update = UpdateCart { cart: ready.cart.id, expected_version: None, change };
    if let Err(error) = shop.orders().update_cart(&visit.cx, update).await {
        return refuse(&shop, &visit, &ready, &form, error).await;
    }
    if let (Some(customer), Some(address), "yes") = (visit.customer, address, form.text("save")) {
        let body = AddressBody { address, default: false };
        let save = SaveAddress { user: customer.user, id: None, body };
        if let Err(error) = shop.users().save_address(&visit.cx, save).await {
            // The order matters more than the address book.
            tracing::info!(%error, "an address was not saved");
        }
    }
    Ok(lead_to("/checkout"))
}

/// The form again, with what was typed and what is wrong with it.
async fn refuse(
    shop: &Shop,
    visit: &Visit,
    ready: &Ready,
    typed: &Fields,
    error: impl Fact,
) -> Result<Response, Trouble> {
    let address = address_form::read(typed);
    let mut page = form(shop, visit, ready, typed.text("email"), Some(&address)).await?;
    let violations = error.violations();
    // Each knows its own fields only; what neither knows is said on top.
    let unknown_here = blame(&mut page.contact, violations);
    let unknown = unknown_here.and(blame(&mut page.address, violations));
    let is_beside = page.contact.iter().chain(&page.address).any(|field| field.error.is_some());
    page.problem = if is_beside { None } else { unknown.or_else(|| Some(words::sentence(&error))) };
    refused(visit, Trouble::from(error).status(), Kept::Never, &page)
}

/// Takes down how it is sent.
pub(crate) async fn set_shipping(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let ready = match ready(&shop, &visit).await? {
        Ok(ready) => ready,
        Err(elsewhere) => return Ok(elsewhere),
    };
    choose(&shop, &visit, &ready.cart, form.text("method")).await?;
    Ok(lead_to("/checkout"))
}

async fn choose(shop: &Shop, visit: &Visit, cart: &Cart, method: &str) -> Result<Cart, Trouble> {
    let change = CartChange { shipping_method: Some(method.to_owned()), ..Default::default() };
    check(&change)?;
    let update = UpdateCart { cart: cart.id, expected_version: None, change };
    Ok(shop.orders().update_cart(&visit.cx, update).await?)
}

/// How a cart can be sent.
pub(crate) enum Delivery {
    /// There is nothing to send, or the shop sends for free.
    None,
    /// The methods; the cart has one of them.
    Methods(Vec<ShippingOption>),
    /// The shop does not deliver there.
    Nowhere,
}

/// The ways to send the cart; one that has none of them gets the cheapest.
pub(crate) async fn delivery(shop: &Shop, visit: &Visit, ready: &mut Ready) -> Result<Delivery, Trouble> {
    if !ready.shippable {
        return Ok(Delivery::None);
    }
    let options = shop.orders().list_shipping_options(&visit.cx, CartRef { cart: ready.cart.id }).await?;
    let Some(cheapest) = options.first() else {
        let zones = shop.orders().list_shipping_zones(&visit.cx, ListRates {}).await?;
        return Ok(if zones.is_empty() { Delivery::None } else { Delivery::Nowhere });
    };
    if !options.iter().any(|option| Some(&option.code) == ready.cart.shipping_method.as_ref()) {
        ready.cart = choose(shop, visit, &ready.cart, &cheapest.code).await?;
    }
    Ok(Delivery::Methods(options))
}

/// What a buyer cannot go on with.
pub(crate) fn not_open() -> Trouble {
    let sentence = "This cart has been ordered already, or is being paid in another window.";
    Trouble::new(Kind::Conflict, "cart_ordered", sentence)
}

/// The status a page has that shows the form again.
pub(crate) fn status_of(error: &impl Fact) -> StatusCode {
    Trouble::new(error.kind(), error.code(), "").status()
}
