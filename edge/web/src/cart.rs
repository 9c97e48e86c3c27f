use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::check;
use shoal_contract::orders::{
    AddLine, Cart, CartChange, CartStatus, LineBody, LineChange, QUANTITY_MAX, SetLine, UpdateCart,
};

use crate::basket::Basket;
use crate::card::available_of;
use crate::cookies::Cookie;
use crate::form::{Asked, Fields, Form};
use crate::link::link;
use crate::page::{Frame, Framed, Kept, lead_to, refused, shown};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;

#[derive(Template)]
#[template(path = "cart.html")]
struct CartPage {
    frame: Frame,
    basket: Option<Basket>,
    note: String,
    /// A checkout is paying for it.
    busy: bool,
    guest: bool,
    /// What was put into it just now.
    added: Option<String>,
    problem: Option<String>,
    addressed: bool,
}

impl Framed for CartPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// The cart.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let cart = visit.cart(&shop).await?;
    let mut page = page(&shop, &visit, cart.as_ref()).await;
    let added = asked.text("added");
    let line = cart.as_ref().and_then(|cart| cart.lines.iter().find(|line| line.sku == added));
    page.added = line.map(|line| match line.choice.as_str() {
        "" => line.title.clone(),
        choice => format!("{} ({choice})", line.title),
    });
    shown(&visit, Kept::Never, &page)
}

async fn page(shop: &Shop, visit: &Visit, cart: Option<&Cart>) -> CartPage {
    let frame = Frame::with_cart(shop, visit, "Cart", cart).await;
    let filled = cart.filter(|cart| !cart.lines.is_empty());
    CartPage {
        frame,
        basket: match filled {
            Some(cart) => Some(basket(shop, visit, cart).await),
            None => None,
        },
        note: cart.and_then(|cart| cart.note.clone()).unwrap_or_default(),
        busy: cart.is_some_and(|cart| cart.status == CartStatus::Paying),
        guest: visit.customer.is_none(),
        added: None,
        problem: None,
        addressed: cart.is_some_and(|cart| cart.shipping_address.is_some()),
    }
}

/// The lines of a cart with what the stock says of them.
pub(crate) async fn basket(shop: &Shop, visit: &Visit, cart: &Cart) -> Basket {
    let skus = cart.lines.iter().map(|line| line.sku.clone()).collect();
    Basket::of_cart(cart, &available_of(shop, &visit.cx, skus).await)
}

/// Puts something into the cart.
pub(crate) async fn add(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let quantity = form.text("quantity").parse().unwrap_or(1).clamp(1, QUANTITY_MAX);
    let line = LineBody { sku: form.text("sku").to_owned(), quantity, note: None };
    check(&line)?;
    let cart = visit.cart_or_new(&shop).await?;
    let cart = shop.orders().add_line(&visit.cx, AddLine { cart: cart.id, line }).await?;
    let mut response = lead_to(&link("/cart", [("added", form.text("sku"))]));
    visit.remember_cart(&mut response, &cart);
    Ok(response)
}

/// Changes quantities and note, or leads on to the checkout.
pub(crate) async fn change(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let Some(cart) = visit.cart(&shop).await? else { return Ok(lead_to("/cart")) };
    let Err(trouble) = apply(&shop, &visit, &cart, &form).await else {
        let onward = form.text("go") == "checkout";
        return Ok(lead_to(if onward { "/checkout" } else { "/cart" }));
    };
    let cart = visit.cart(&shop).await?;
    let page = CartPage {
        note: form.text("note").to_owned(),
        problem: Some(trouble.sentence.clone()),
        ..page(&shop, &visit, cart.as_ref()).await
    };
    refused(&visit, trouble.status(), Kept::Never, &page)
}

async fn apply(shop: &Shop, visit: &Visit, cart: &Cart, form: &Fields) -> Result<(), Trouble> {
    let removed = form.text("remove");
    for (sku, typed) in form.beginning("q:") {
        let Some(line) = cart.lines.iter().find(|line| line.sku == sku) else { continue };
        let quantity = match typed.parse::<i64>() {
            _ if sku == removed => 0,
            Ok(quantity) if (0..=QUANTITY_MAX).contains(&quantity) => quantity,
            _ => return Err(no_number(&line.title)),
        };
        if quantity != line.quantity {
            let change = LineChange { quantity, note: None };
            let set = SetLine { cart: cart.id, sku: sku.to_owned(), expected_version: None, change };
            shop.orders().set_line(&visit.cx, set).await?;
        }
    }
    let note = form.text("note");
    if note != cart.note.as_deref().unwrap_or_default() {
        let change = CartChange { note: Some(note.to_owned()), ..Default::default() };
        check(&change).map_err(|_| too_long())?;
        let update = UpdateCart { cart: cart.id, expected_version: None, change };
        shop.orders().update_cart(&visit.cx, update).await?;
    }
    Ok(())
}

fn no_number(title: &str) -> Trouble {
    let sentence = format!("How many of {title}? Enter a whole number, or 0 to remove it.");
    Trouble::new(shoal_types::Kind::Invalid, "invalid_request", sentence)
}

fn too_long() -> Trouble {
    let sentence = "Please keep your note below 2,000 letters.";
    Trouble::new(shoal_types::Kind::Invalid, "invalid_request", sentence)
}

/// Lets a guest leave a cart whose payment hangs, and begin another.
pub(crate) async fn begin_anew(visit: Visit, Form(_): Form) -> Result<Response, Trouble> {
    let mut response = lead_to("/");
    visit.forget(&mut response, Cookie::Cart);
    visit.forget(&mut response, Cookie::Checkout);
    Ok(response)
}
