use shoal_contract::check;
use shoal_contract::users::{AddressId, AddressRef, Error, SaveAddress, SavedAddress, UserRef};
use shoal_queue::once;
use shoal_types::Context;

use crate::House;
use crate::error::Failure;
use crate::model::{access, address_book};
use crate::store::{addresses, users};

pub(super) async fn list(
    house: &House,
    cx: &Context,
    UserRef { user }: UserRef,
) -> Result<Vec<SavedAddress>, Error> {
    access::see(&cx.caller, user)?;
    let book = house.db.read(cx, async move |tx| {
        users::get(tx, user).await?;
        addresses::list(tx, user).await
    });
    Ok(book.await?.into_iter().map(|entry| entry.saved).collect())
}

pub(super) async fn save(house: &House, cx: &Context, request: SaveAddress) -> Result<SavedAddress, Error> {
    access::see(&cx.caller, request.user)?;
    check(&request.body)?;
    let SaveAddress { user, id, body } = request;
    let (caller, new_id): (_, AddressId) = (cx.caller, house.env.id());
    let saved = once(&house.db, cx, &house.env, "save_address", async move |tx| {
        access::change(&caller, &users::get(tx, user).await?)?;
        let book = addresses::list(tx, user).await?;
        let entry = match id {
            None => address_book::add(&book, new_id, body.address.clone(), body.default)?,
            Some(id) => address_book::replace(&book, id, body.address.clone(), body.default)?,
        };
        if entry.saved.default {
            addresses::unset_default(tx, user).await?;
        }
        match id {
            None => addresses::add(tx, &[(user, entry.clone())]).await?,
            Some(_) => addresses::replace(tx, user, &entry.saved).await?,
        }
        Ok::<_, Failure>(entry.saved)
    });
    Ok(saved.await?)
}

pub(super) async fn remove(
    house: &House,
    cx: &Context,
    AddressRef { user, id }: AddressRef,
) -> Result<(), Error> {
    access::see(&cx.caller, user)?;
    let caller = cx.caller;
    let removed = house.db.write(cx, async move |tx| {
        access::change(&caller, &users::get(tx, user).await?)?;
        let book = addresses::list(tx, user).await?;
        addresses::remove(tx, user, id).await?;
        if let Some(heir) = address_book::heir(&book, id) {
            addresses::set_default(tx, user, heir).await?;
        }
        Ok::<_, Failure>(())
    });
    Ok(removed.await?)
}
