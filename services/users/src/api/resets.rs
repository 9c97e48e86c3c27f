use std::time::Duration;

use shoal_contract::users::{
    ConfirmPasswordReset, Error, IssuePasswordReset, PasswordReset, RequestPasswordReset, ResetId,
};
use shoal_contract::{check, normal_email};
use shoal_queue::append;
use shoal_types::Context;

use super::accounts::about;
use crate::error::Failure;
use crate::model::token::{self, Presented};
use crate::model::{access, profile};
use crate::store::{resets, sessions, users};
use crate::{House, events};

/// How long a request is good for a mail, and a mailed token for a new password.
const LIFE: Duration = Duration::from_secs(60 * 60);
/// Requests of one account in that time; further ones send nothing, so that nobody's mailbox is filled.
const REQUESTS_MAX: i64 = 5;
/// Tokens of one account at the same time; another mail ends the oldest.
const TOKENS_MAX: usize = 3;
/// No request is answered sooner. What is to be done for an account takes far less, so the time does not tell whether there
/// is one.
const ANSWER_AFTER: Duration = Duration::from_millis(250);

/// Notes that somebody wants a new password, if there is such an account. The answer is the same, at the same time.
pub(super) async fn request(house: &House, cx: &Context, request: RequestPasswordReset) -> Result<(), Error> {
    check(&request)?;
    let not_before = tokio::time::sleep(ANSWER_AFTER);
    let noted = note(house, cx, normal_email(&request.email)).await;
    not_before.await;
    noted
}

async fn note(house: &House, cx: &Context, email: String) -> Result<(), Error> {
    let env = house.env.clone();
    let (id, now): (ResetId, _) = (env.id(), env.now());
    let expires_at = now.plus(LIFE);
    let found = house.db.read(cx, async move |tx| users::find_by_email(tx, &email).await).await?;
    let Some(user) = found else { return Ok(()) };
    let noted = house.db.write(cx, async move |tx| {
        if resets::count_requests(tx, user.id, now).await? >= REQUESTS_MAX {
            return Ok(());
        }
        resets::add(tx, (user.id, id), None, (now, expires_at)).await?;
        append(tx, &events::password_reset_requested(user.id, id, expires_at), &env).await?;
        Ok::<_, Failure>(())
    });
    Ok(noted.await?)
}

/// A new token for the mail about a request. A repeat gives another one.
pub(super) async fn issue(
    house: &House,
    cx: &Context,
    IssuePasswordReset { user }: IssuePasswordReset,
) -> Result<PasswordReset, Error> {
    access::system(&cx.caller)?;
    let (id, now): (ResetId, _) = (house.env.id(), house.env.now());
    let (token, hash) = token::issue_reset(user, id, house.env.rng().token());
    let expires_at = now.plus(LIFE);
    let issued = house.db.write(cx, async move |tx| {
        users::get(tx, user).await?;
        if resets::count_requests(tx, user, now).await? == 0 {
            return Err(Error::ResetRefused {}.into());
        }
        let tokens = resets::list_tokens(tx, user).await?;
        let surplus = (tokens.len() + 1).saturating_sub(TOKENS_MAX);
        for oldest in &tokens[..surplus] {
            resets::remove(tx, user, *oldest).await?;
        }
        resets::add(tx, (user, id), Some(hash), (now, expires_at)).await
    });
    issued.await?;
    Ok(PasswordReset { token, expires_at })
}

/// Sets the new password of who has a mailed token, and ends every session.
pub(super) async fn confirm(house: &House, cx: &Context, request: ConfirmPasswordReset) -> Result<(), Error> {
    check(&request)?;
    let refused = || Error::ResetRefused {};
    let presented = Presented::parse_reset(&request.token).ok_or_else(refused)?;
    let (id, now) = (presented.user, house.env.now());
    let proves = move |(hash, expires_at): &([u8; 32], _)| presented.proves(hash) && now < *expires_at;
    let found = house.db.read(cx, async move |tx| {
        let token = resets::find(tx, id, presented.session.cast()).await?;
        Ok::<_, Failure>((token, users::find(tx, id).await?))
    });
    let (token, user) = found.await?;
    let user = user.filter(|_| token.is_some_and(|token| proves(&token))).ok_or_else(refused)?;
    let password_hash = house.passwords.accept(cx, request.password, about(&user)).await?;
    let env = house.env.clone();
    let confirmed = house.db.write(cx, async move |tx| {
        // Once more, where nobody comes in between: a token is good for one password.
        let token = resets::find(tx, id, presented.session.cast()).await?;
        let user = users::find(tx, id).await?.filter(|_| token.is_some_and(|token| proves(&token)));
        let next = profile::changed(user.ok_or_else(refused)?, env.now());
        users::set_password(tx, &next, password_hash.clone()).await?;
        resets::remove_all(tx, id).await?;
        sessions::end_all(tx, id, None).await?;
        append(tx, &events::password_changed(&next), &env).await?;
        Ok::<_, Failure>(())
    });
    confirmed.await?;
    house.sessions.end_all(id);
    Ok(())
}
