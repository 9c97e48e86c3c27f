use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::check;
use shoal_contract::orders::CartRef;
use shoal_contract::users::{LogIn, Login, Register, SessionRef};
use shoal_types::{Caller, Fact, Kind, Secret, Violation};

use crate::cookies::Cookie;
use crate::field::{Field, blame};
use crate::form::{Asked, Fields, Form};
use crate::link::{link, own_page};
use crate::page::{Frame, Framed, Kept, lead_to, refused, shown};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    frame: Frame,
    registers: bool,
    fields: Vec<Field>,
    next: String,
    /// The way to the other form.
    other: String,
    problem: Option<String>,
}

impl Framed for LoginPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// The form to log in.
pub(crate) async fn show(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    form(&shop, visit, &asked, false).await
}

/// The form to open an account.
pub(crate) async fn show_register(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    form(&shop, visit, &asked, true).await
}

async fn form(shop: &Shop, visit: Visit, asked: &Fields, registers: bool) -> Result<Response, Trouble> {
    if visit.customer.is_some() {
        return Ok(lead_to(own_page(asked.text("next"), "/account")));
    }
    shown(&visit, Kept::Never, &page(shop, &visit, asked, registers).await?)
}

async fn page(shop: &Shop, visit: &Visit, typed: &Fields, registers: bool) -> Result<LoginPage, Trouble> {
    let next = own_page(typed.text("next"), "").to_owned();
    let email =
        Field::new("email", "E-mail address", typed.text("email")).kind("email").autocomplete("email");
    let password = Field::new("password", "Password", "").kind("password");
    let fields = match registers {
        true => vec![
            Field::new("name", "Name", typed.text("name")).autocomplete("name"),
            email,
            password.autocomplete("new-password").hint("At least 10 characters, not easily guessed."),
        ],
        false => vec![email, password.autocomplete("current-password")],
    };
    let (title, other) = if registers { ("New account", "/login") } else { ("Log in", "/register") };
    Ok(LoginPage {
        frame: Frame::new(shop, visit, title).await?,
        registers,
        fields,
        other: link(other, [("next", next.as_str())]),
        next,
        problem: None,
    })
}

/// Logs in, and takes the guest's cart along.
pub(crate) async fn log_in(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    enter(&shop, &visit, &form, false).await
}

/// Opens an account and logs in to it.
pub(crate) async fn register(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let new = Register {
        email: form.text("email").to_owned(),
        password: Secret::new(form.raw("password")),
        name: form.text("name").to_owned(),
        phone: None,
        accepts_marketing: false,
    };
    if let Err(fault) = check(&new) {
        return refuse(&shop, &visit, &form, true, fault).await;
    }
    if let Err(error) = shop.users().register(&visit.cx, new).await {
        return refuse(&shop, &visit, &form, true, error).await;
    }
    enter(&shop, &visit, &form, true).await
}

async fn enter(shop: &Shop, visit: &Visit, form: &Fields, registers: bool) -> Result<Response, Trouble> {
    let credentials =
        LogIn { email: form.text("email").to_owned(), password: Secret::new(form.raw("password")) };
    let login = match shop.users().log_in(&visit.cx, credentials).await {
        Ok(login) => login,
        Err(error) => return refuse(shop, visit, form, registers, error).await,
    };
    let mut response = lead_to(own_page(form.text("next"), "/account"));
    if bring_cart(shop, visit, &login).await {
        visit.forget(&mut response, Cookie::Cart);
    }
    visit.keep(&mut response, Cookie::Session, login.token.expose(), shop.options.session_lifetime);
    Ok(response)
}

/// Moves the guest's cart into the customer's; whether the guest's need not be remembered any longer.
async fn bring_cart(shop: &Shop, visit: &Visit, login: &Login) -> bool {
    let Some(cart) = visit.guest_cart() else { return false };
    let cx = visit.cx.with_caller(Caller::User { id: login.user.id, role: login.user.role });
    match shop.orders().merge_cart(&cx, CartRef { cart }).await {
        Ok(_) => true,
        Err(error) => {
            tracing::info!(%error, "a guest's cart was not taken along at the login");
            matches!(error.kind(), Kind::NotFound | Kind::Forbidden)
        }
    }
}

async fn refuse(
    shop: &Shop,
    visit: &Visit,
    form: &Fields,
    registers: bool,
    error: impl Fact,
) -> Result<Response, Trouble> {
    let mut page = page(shop, visit, form, registers).await?;
    let beside = |field: &str| {
        let message = words::sentence(&error);
        vec![Violation { field: field.into(), rule: error.code().into(), message }]
    };
    page.problem = match (error.code(), error.violations()) {
        ("email_taken", _) => {
            page.fields.iter_mut().filter(|it| it.name == "email").for_each(|it| {
                it.error = Some(words::sentence(&error));
            });
            None
        }
        ("weak_password", _) => blame(&mut page.fields, &beside("password")),
        (_, []) => Some(words::sentence(&error)),
        (_, violations) => blame(&mut page.fields, violations),
    };
    refused(visit, Trouble::from(error).status(), Kept::Never, &page)
}

/// Ends the session.
pub(crate) async fn log_out(
    State(shop): State<Shop>,
    visit: Visit,
    Form(_): Form,
) -> Result<Response, Trouble> {
    if let Some(customer) = visit.customer {
        let session = SessionRef { user: customer.user, session: Some(customer.session) };
        shop.users().revoke_session(&visit.cx, session).await?;
    }
    let mut response = lead_to("/");
    visit.forget(&mut response, Cookie::Session);
    Ok(response)
}
