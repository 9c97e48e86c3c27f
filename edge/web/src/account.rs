use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::check;
use shoal_contract::orders::ListOrders;
use shoal_contract::users::{AddressBody, AddressRef, SaveAddress, SavedAddress, UserRef};
use shoal_types::{Fact, Limit, PageRequest};

use crate::address_form::{self, served};
use crate::field::{Field, blame};
use crate::form::{Asked, Fields, Form};
use crate::link::{cursor_text, link, read_cursor};
use crate::order::Row;
use crate::page::{Frame, Framed, Kept, lead_to, refused, shown};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::{Customer, Visit};
use crate::words;

const ORDERS: u32 = 10;

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    person: String,
    email: String,
    orders: Vec<Row>,
    next: Option<String>,
    addresses: Vec<Saved>,
    fields: Vec<Field>,
    /// Whether the form for an address is open.
    adds: bool,
    problem: Option<String>,
}

impl Framed for AccountPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

struct Saved {
    id: String,
    lines: Vec<String>,
    default: bool,
}

impl Saved {
    fn new(saved: &SavedAddress) -> Self {
        Self { id: saved.id.to_string(), lines: address_form::lines(&saved.address), default: saved.default }
    }
}

/// One's orders and addresses.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let Some(customer) = visit.customer else { return Ok(to_login()) };
    shown(&visit, Kept::Never, &page(&shop, &visit, customer, &asked).await?)
}

fn to_login() -> Response {
    lead_to("/login?next=/account")
}

async fn page(
    shop: &Shop,
    visit: &Visit,
    customer: Customer,
    asked: &Fields,
) -> Result<AccountPage, Trouble> {
    let reference = UserRef { user: customer.user };
    let user = shop.users().get_user(&visit.cx, reference).await?;
    let addresses = shop.users().list_addresses(&visit.cx, reference).await?;
    let page = PageRequest {
        limit: Limit::new(ORDERS).unwrap_or_default(),
        cursor: asked.filled("after").and_then(read_cursor),
    };
    // Staff would else get everybody's.
    let request = ListOrders { page, customer: Some(customer.user), ..Default::default() };
    let orders = shop.orders().list_orders(&visit.cx, request).await?;
    Ok(AccountPage {
        frame: Frame::new(shop, visit, "Your account").await?,
        person: user.name,
        email: user.email,
        orders: orders.items.iter().map(Row::new).collect(),
        next: orders.next.map(|cursor| link("/account", [("after", cursor_text(&cursor).as_str())])),
        adds: addresses.is_empty(),
        addresses: addresses.iter().map(Saved::new).collect(),
        fields: address_form::fields(None, served(shop, &visit.cx).await?),
        problem: None,
    })
}

/// Saves another address.
pub(crate) async fn save_address(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let Some(customer) = visit.customer else { return Ok(to_login()) };
    let body = AddressBody { address: address_form::read(&form), default: form.text("default") == "yes" };
    if let Err(fault) = check(&body) {
        return refuse(&shop, &visit, customer, &form, fault).await;
    }
    let save = SaveAddress { user: customer.user, id: None, body };
    match shop.users().save_address(&visit.cx, save).await {
        Ok(_) => Ok(lead_to("/account#addresses")),
        Err(error) => refuse(&shop, &visit, customer, &form, error).await,
    }
}

async fn refuse(
    shop: &Shop,
    visit: &Visit,
    customer: Customer,
    form: &Fields,
    error: impl Fact,
) -> Result<Response, Trouble> {
    let mut page = page(shop, visit, customer, &Fields::default()).await?;
    page.fields = address_form::fields(Some(&address_form::read(form)), served(shop, &visit.cx).await?);
    page.adds = true;
    page.problem = match error.violations() {
        [] => Some(words::sentence(&error)),
        violations => blame(&mut page.fields, violations),
    };
    refused(visit, Trouble::from(error).status(), Kept::Never, &page)
}

/// Forgets an address.
pub(crate) async fn remove_address(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let customer = visit.require_customer()?;
    let id = form.text("address").parse().map_err(|_| Trouble::missing())?;
    shop.users().remove_address(&visit.cx, AddressRef { user: customer.user, id }).await?;
    Ok(lead_to("/account#addresses"))
}
