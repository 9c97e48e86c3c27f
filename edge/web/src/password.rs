//! Choosing a new password, for who has forgotten the old one: a page asks for a mail, the mail leads to another.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use shoal_contract::check;
use shoal_contract::users::{ConfirmPasswordReset, RequestPasswordReset};
use shoal_types::{Fact, Secret, Violation};

use crate::cookies::Cookie;
use crate::field::{Field, blame};
use crate::form::{Asked, Form};
use crate::page::{Frame, Framed, Kept, refused, shown};
use crate::shop::Shop;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words;

#[derive(Template)]
#[template(path = "password.html")]
struct PasswordPage {
    frame: Frame,
    step: Step,
    fields: Vec<Field>,
    /// What the mail had.
    token: String,
    problem: Option<String>,
}

/// Where somebody is on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Forgotten,
    Mailed,
    Choosing,
    Chosen,
}

impl Framed for PasswordPage {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

async fn page(shop: &Shop, visit: &Visit, step: Step, typed: &str) -> Result<PasswordPage, Trouble> {
    let fields = match step {
        Step::Forgotten => {
            vec![Field::new("email", "E-mail address", typed).kind("email").autocomplete("email")]
        }
        Step::Choosing => vec![
            Field::new("password", "New password", "")
                .kind("password")
                .autocomplete("new-password")
                .hint("At least 10 characters, not easily guessed."),
        ],
        Step::Mailed | Step::Chosen => Vec::new(),
    };
    let frame = Frame::new(shop, visit, "New password").await?;
    Ok(PasswordPage { frame, step, fields, token: String::new(), problem: None })
}

/// The form that asks for a mail.
pub(crate) async fn show_forgotten(State(shop): State<Shop>, visit: Visit) -> Result<Response, Trouble> {
    shown(&visit, Kept::Never, &page(&shop, &visit, Step::Forgotten, "").await?)
}

/// Asks for a mail. The page is the same whether there is an account or not.
pub(crate) async fn request(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let request = RequestPasswordReset { email: form.text("email").to_owned() };
    if let Err(error) = shop.users().request_password_reset(&visit.cx, request).await {
        let mut page = page(&shop, &visit, Step::Forgotten, form.text("email")).await?;
        page.problem = problem(&mut page.fields, &error);
        return refused(&visit, Trouble::from(error).status(), Kept::Never, &page);
    }
    shown(&visit, Kept::Never, &page(&shop, &visit, Step::Mailed, "").await?)
}

/// The form that the mail leads to.
pub(crate) async fn show_new(
    State(shop): State<Shop>,
    visit: Visit,
    Asked(asked): Asked,
) -> Result<Response, Trouble> {
    let page = page(&shop, &visit, Step::Choosing, "").await?;
    shown(&visit, Kept::Never, &PasswordPage { token: asked.text("token").to_owned(), ..page })
}

/// Sets the new password. Every session has ended then, this browser's too.
pub(crate) async fn choose(
    State(shop): State<Shop>,
    visit: Visit,
    Form(form): Form,
) -> Result<Response, Trouble> {
    let (token, password) = (Secret::new(form.text("token")), Secret::new(form.raw("password")));
    let request = ConfirmPasswordReset { token, password };
    if let Err(fault) = check(&request) {
        return again(&shop, &visit, form.text("token"), fault).await;
    }
    if let Err(error) = shop.users().confirm_password_reset(&visit.cx, request).await {
        return again(&shop, &visit, form.text("token"), error).await;
    }
    let mut response = shown(&visit, Kept::Never, &page(&shop, &visit, Step::Chosen, "").await?)?;
    visit.forget(&mut response, Cookie::Session);
    Ok(response)
}

async fn again(shop: &Shop, visit: &Visit, token: &str, error: impl Fact) -> Result<Response, Trouble> {
    let mut page = page(shop, visit, Step::Choosing, "").await?;
    page.problem = problem(&mut page.fields, &error);
    page.token = token.to_owned();
    refused(visit, Trouble::from(error).status(), Kept::Never, &page)
}

/// Writes what is wrong beside its field; gives what belongs to none.
fn problem(fields: &mut [Field], error: &impl Fact) -> Option<String> {
    match (error.code(), error.violations()) {
        ("weak_password", _) => {
            let (rule, message) = (error.code().to_owned(), words::sentence(error));
            blame(fields, &[Violation { field: "password".to_owned(), rule, message }])
        }
        (_, []) => Some(words::sentence(error)),
        (_, violations) => blame(fields, violations),
    }
}
