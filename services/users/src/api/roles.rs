use shoal_contract::users::{Error, GrantRole, User};
use shoal_queue::append;
use shoal_types::{Context, Role};

use crate::error::Failure;
use crate::model::profile;
use crate::store::users;
use crate::{House, events};

pub(super) async fn grant(house: &House, cx: &Context, request: GrantRole) -> Result<User, Error> {
    cx.caller.require(Role::Administrator)?;
    let env = house.env.clone();
    let granted = house.db.write(cx, async move |tx| {
        let user = users::get(tx, request.user).await?;
        if user.role == request.role {
            return Ok(user);
        }
        let before = user.role;
        let next = profile::changed(User { role: request.role, ..user.clone() }, env.now());
        users::set_role(tx, &next, before).await?;
        append(tx, &events::changed(&user, &next), &env).await?;
        Ok::<_, Failure>(next)
    });
    let user = granted.await?;
    house.sessions.end_all(user.id);
    Ok(user)
}
