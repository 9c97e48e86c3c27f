use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use shoal_contract::notifications::{ListMails, Mail, MailId, MailRef, MailState};
use shoal_net::http::{Json, Path, Problem, Query};
use shoal_types::{Cursor, Limit, PageRequest};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Cx;
use crate::change::BareChange;
use crate::gateway::Gateway;

/// Which mails.
#[derive(Deserialize, IntoParams, Validate)]
#[into_params(parameter_in = Query)]
#[garde(allow_unvalidated)]
pub(crate) struct MailsWanted {
    /// Items on a page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The `next` of the page before.
    #[param(inline)]
    cursor: Option<Cursor>,
    /// Only in this state.
    #[param(inline)]
    state: Option<MailState>,
}

/// A page of mails.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailList {
    /// The mails, newest first, without their texts and addresses.
    mails: Vec<Mail>,
    /// The `cursor` of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cursor>,
}

/// Lists mails and what became of them; staff only.
#[utoipa::path(get, path = "/v1/mails", tag = "mails", params(MailsWanted), security(("bearer" = [])),
    responses((status = 200, description = "A page of mails, newest first", body = MailList)))]
pub(crate) async fn list_mails(
    State(gateway): State<Gateway>,
    Cx(cx): Cx,
    Query(wanted): Query<MailsWanted>,
) -> Result<Json<MailList>, Problem> {
    let page = PageRequest { limit: wanted.limit, cursor: wanted.cursor };
    let page = gateway.notifications()?.list_mails(&cx, ListMails { page, state: wanted.state }).await?;
    Ok(Json(MailList { mails: page.items, next: page.next }))
}

/// Sends a mail again; staff only.
///
/// It is made anew from what is known now. One that waits for its next try is tried at once.
#[utoipa::path(post, path = "/v1/mails/{mail}/resend", tag = "mails", security(("bearer" = [])),
    params(("mail" = MailId, Path, description = "Which mail")),
    responses((status = 200, description = "The mail, to be sent", body = Mail)))]
pub(crate) async fn resend_mail(
    State(gateway): State<Gateway>,
    Path(mail): Path<MailId>,
    BareChange(cx): BareChange,
) -> Result<Json<Mail>, Problem> {
    Ok(Json(gateway.notifications()?.resend_mail(&cx, MailRef { mail }).await?))
}
