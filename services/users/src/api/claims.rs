//! Who gets an e-mail. A claim is a commit of its own, under the e-mail; the account follows under its id. What a crash
//! leaves between the two is a claim without an account, which the next who asks for the e-mail clears away.

use std::time::Duration;

use shoal_contract::users::{Error, UserId};
use shoal_sql::Tx;
use shoal_types::Context;

use crate::House;
use crate::error::Failure;
use crate::store::claims::{self, Account, Claim};

/// How long a claim is left alone that has no account yet: longer than opening one takes.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// Claims an e-mail for an account that is about to be opened. A repeat for the same account changes nothing.
///
/// # Errors
/// `EmailTaken` if another account has the e-mail, or is being opened with it.
pub(super) async fn take(house: &House, cx: &Context, email: &str, user: UserId) -> Result<(), Error> {
    let claim = Claim { email: email.to_owned(), user, claimed_at: house.env.now() };
    let taking = claim.clone();
    let taken = house.db.write(cx, async move |tx| {
        let added = claims::add(tx, std::slice::from_ref(&taking)).await?;
        match added {
            0 => claims::find(tx, &taking.email).await,
            _ => Ok::<_, Failure>(None),
        }
    });
    let Some(before) = taken.await?.filter(|before| before.user != user) else { return Ok(()) };
    if !is_abandoned(house, cx, &before).await? {
        return Err(Error::EmailTaken {});
    }
    let given = house.db.write(cx, async move |tx| claims::give(tx, &before, user, claim.claimed_at).await);
    // Of several who find it abandoned one is given it.
    if given.await? { Ok(()) } else { Err(Error::EmailTaken {}) }
}

/// Gives the claim of an account up that was closed. If that fails nobody misses it: the claim stands no longer.
pub(super) async fn give_up(house: &House, cx: &Context, email: String, user: UserId) {
    let freed = house.db.write(cx, async move |tx| claims::free(tx, &email, user).await).await;
    if let Err(error) = freed.map_err(Error::from) {
        tracing::warn!(%user, %error, "the e-mail of a closed account is freed when somebody asks for it");
    }
}

/// Clears claims away that crashes have left, so that an import can claim their e-mails.
pub(super) async fn clear(house: &House, cx: &Context, unmet: Vec<Claim>) -> Result<(), Error> {
    for claim in unmet {
        if is_abandoned(house, cx, &claim).await? {
            let free = async move |tx: &mut Tx| claims::free(tx, &claim.email, claim.user).await;
            house.db.write(cx, free).await?;
        }
    }
    Ok(())
}

/// Whether nobody has or will have the e-mail by this claim. An account that is still missing after a while is buried:
/// of that and its opening the key lets one happen.
async fn is_abandoned(house: &House, cx: &Context, claim: &Claim) -> Result<bool, Error> {
    let now = house.env.now();
    let is_old = now >= claim.claimed_at.plus(LEFT_ALONE);
    let claim = claim.clone();
    let body = async move |tx: &mut Tx| match claims::account(tx, &claim).await? {
        Account::Has => Ok(false),
        Account::HasNot => Ok(true),
        Account::Absent if !is_old => Ok(false),
        Account::Absent if claims::bury(tx, claim.user, now).await? => Ok(true),
        // Opened or buried in between.
        Account::Absent => Ok::<_, Failure>(claims::account(tx, &claim).await? == Account::HasNot),
    };
    Ok(house.db.write(cx, body).await?)
}
