use sha2::{Digest, Sha256};
use shoal_contract::events::OpenedBy;
use shoal_contract::users::{
    AddressId, Error, ListUsers, NewUser, Register, UpdateUser, User, UserId, UserRef,
};
use shoal_contract::{Address, check, normal_email};
use shoal_queue::{answered, append, key_hash, once};
use shoal_types::{Context, Cursor, Env, Fault, Page, PageRequest, Role, Timestamp};
use uuid::Uuid;

use super::claims;
use crate::error::Failure;
use crate::model::address_book::Entry;
use crate::model::{access, address_book, profile};
use crate::store::{self, addresses, resets, sessions};
use crate::{House, events};

pub(super) async fn register(house: &House, cx: &Context, request: Register) -> Result<User, Error> {
    check(&request)?;
    open(house, cx, ("register", OpenedBy::User), profile::of_registration(request)).await
}

pub(super) async fn create(house: &House, cx: &Context, request: NewUser) -> Result<User, Error> {
    access::create(&cx.caller, request.role)?;
    check(&request)?;
    open(house, cx, ("create_user", OpenedBy::Staff), request).await
}

/// Opens an account. A repeat with the same key gets the first answer, without another hash.
async fn open(
    house: &House,
    cx: &Context,
    (operation, by): (&'static str, OpenedBy),
    mut new: NewUser,
) -> Result<User, Error> {
    if let Some(user) = answered::<User, Failure>(&house.db, cx, operation).await? {
        return Ok(user);
    }
    let user = profile::open(id_for(house, cx, operation, &new.email), &new, house.env.now());
    let password_hash = match new.password.take() {
        None => None,
        Some(password) => Some(house.passwords.accept(cx, password, about(&user)).await?),
    };
    let entries = book(&house.env, user.id, new.addresses)?;
    claims::take(house, cx, &user.email, user.id).await?;
    let env = house.env.clone();
    let opened = once(&house.db, cx, &house.env, operation, async move |tx| {
        store::users::add(tx, &[(user.clone(), password_hash.clone())]).await?;
        addresses::add(tx, &entries).await?;
        append(tx, &events::registered(&user, by), &env).await?;
        Ok::<_, Failure>(user.clone())
    });
    Ok(opened.await?)
}

/// The id of an account to be opened. Under an idempotency key it is always the same: whoever repeats a request that was
/// cut off between the claim and the account finds the claim to be its own.
fn id_for(house: &House, cx: &Context, operation: &'static str, email: &str) -> UserId {
    let Some(idempotency) = &cx.idempotency else { return house.env.id() };
    let mut hash = Sha256::new();
    hash.update(key_hash(&cx.caller, operation, idempotency));
    hash.update(normal_email(email));
    let digest: [u8; 32] = hash.finalize().into();
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    UserId::from_digest(bits)
}

/// What a password must not be made of.
pub(super) fn about(user: &User) -> Vec<String> {
    vec![user.email.clone(), user.name.clone()]
}

/// The addresses a new account starts with; the first is the default.
pub(super) fn book(env: &Env, user: UserId, list: Vec<Address>) -> Result<Vec<(UserId, Entry)>, Error> {
    let mut entries = Vec::with_capacity(list.len());
    for address in list {
        let id: AddressId = env.id();
        entries.push(address_book::add(&entries, id, address, false)?);
    }
    Ok(entries.into_iter().map(|entry| (user, entry)).collect())
}

pub(super) async fn get(house: &House, cx: &Context, UserRef { user }: UserRef) -> Result<User, Error> {
    access::see(&cx.caller, user)?;
    Ok(house.db.read(cx, async move |tx| store::users::get(tx, user).await).await?)
}

pub(super) async fn list(house: &House, cx: &Context, request: ListUsers) -> Result<Page<User>, Error> {
    cx.caller.require(Role::Staff)?;
    let (PageRequest { limit, cursor }, role) = (request.page, request.role);
    if let Some(email) = request.email {
        return find(house, cx, &email, role).await;
    }
    let after = cursor.as_ref().map_or(Ok((Timestamp::from_micros(i64::MAX), Uuid::max())), position)?;
    let rows = house.db.read(cx, async move |tx| store::users::list(tx, after, limit, role).await).await?;
    Ok(Page::cut(rows, limit, |user| {
        Cursor::after(&[&user.created_at.as_micros().to_string(), &user.id.to_string()])
    }))
}

/// The page with the one user who has the e-mail, if they have the role.
async fn find(house: &House, cx: &Context, email: &str, role: Option<Role>) -> Result<Page<User>, Error> {
    let email = normal_email(email);
    let found = match is_storable(&email) {
        false => None,
        true => house.db.read(cx, async move |tx| store::users::find_by_email(tx, &email).await).await?,
    };
    let items = found.into_iter().filter(|user| role.is_none_or(|role| user.role == role)).collect();
    Ok(Page { items, next: None })
}

/// Whether a text that nobody checked may be an e-mail in the store: some engines refuse to look for others.
pub(super) fn is_storable(email: &str) -> bool {
    email.len() <= 254 && !email.contains(char::is_control)
}

fn position(cursor: &Cursor) -> Result<store::users::Position, Fault> {
    let [created_at, id] = cursor.keys::<2>()?;
    let parsed = created_at.parse().ok().zip(id.parse::<UserId>().ok());
    let (created_at, id) = parsed.ok_or_else(|| {
        Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page of users")
    })?;
    Ok((Timestamp::from_micros(created_at), id.uuid()))
}

pub(super) async fn update(house: &House, cx: &Context, request: UpdateUser) -> Result<User, Error> {
    access::see(&cx.caller, request.user)?;
    check(&request.change)?;
    if request.change.tags.is_some() {
        cx.caller.require(Role::Staff)?;
    }
    let (env, caller) = (house.env.clone(), cx.caller);
    let updated = house.db.write(cx, async move |tx| {
        let user = store::users::get(tx, request.user).await?;
        access::change(&caller, &user)?;
        if request.expected_version.is_some_and(|version| version != user.version) {
            return Err(Error::UserChanged { version: user.version }.into());
        }
        let Some(next) = profile::apply(&user, &request.change, env.now()) else { return Ok(user) };
        store::users::update(tx, std::slice::from_ref(&next), next.updated_at).await?;
        append(tx, &events::changed(&user, &next), &env).await?;
        Ok::<_, Failure>(next)
    });
    Ok(updated.await?)
}

pub(super) async fn delete(house: &House, cx: &Context, UserRef { user: id }: UserRef) -> Result<(), Error> {
    access::see(&cx.caller, id)?;
    let (env, caller) = (house.env.clone(), cx.caller);
    let deleted = house.db.write(cx, async move |tx| {
        let Some(user) = store::users::find(tx, id).await? else {
            // Closed before: nothing is left to do.
            let was = store::users::was(tx, id).await?;
            return if was { Ok(None) } else { Err(Error::UnknownUser {}.into()) };
        };
        access::change(&caller, &user)?;
        let erased = profile::erased(user.clone(), env.now());
        store::users::erase(tx, &user, &erased).await?;
        sessions::end_all(tx, id, None).await?;
        addresses::remove_of_all(tx, &[id]).await?;
        resets::remove_all(tx, id).await?;
        append(tx, &events::deleted(&erased), &env).await?;
        Ok::<_, Failure>(Some(user.email))
    });
    if let Some(email) = deleted.await? {
        claims::give_up(house, cx, email, id).await;
    }
    house.sessions.end_all(id);
    Ok(())
}
