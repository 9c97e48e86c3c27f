use shoal_contract::users::{
    Authenticated, ChangePassword, Error, ListSessions, LogIn, Login, Session, SessionId, SessionRef, Token,
    User,
};
use shoal_contract::{check, normal_email};
use shoal_queue::append;
use shoal_sql::Tx;
use shoal_types::{Context, Fault, Secret, Timestamp};

use super::accounts::{about, is_storable};
use crate::error::Failure;
use crate::model::token::{self, Presented};
use crate::model::{access, profile};
use crate::session_cache::Entry;
use crate::store::users::Credentials;
use crate::store::{resets, sessions, users};
use crate::{House, events};

pub(super) async fn log_in(house: &House, cx: &Context, request: LogIn) -> Result<Login, Error> {
    let email = normal_email(&request.email);
    let found = match is_storable(&email) {
        false => None,
        true => house.db.read(cx, async move |tx| users::find_credentials(tx, &email).await).await?,
    };
    let found = verify(house, cx, request.password, found).await?;
    let credentials = found.ok_or(Error::WrongCredentials {})?;
    let session = new_session(house);
    let (token, token_hash) = token::issue(credentials.user.id, session.id, house.env.rng().token());
    let (opened, sessions_max) = (session.clone(), house.options.sessions_max.max(1));
    let written = house.db.write(cx, async move |tx| {
        let user = still(tx, &credentials).await?;
        let ended = end_oldest(tx, &user, sessions_max).await?;
        sessions::add(tx, user.id, &opened, token_hash).await?;
        Ok::<_, Failure>((user, ended))
    });
    let (user, ended) = written.await?;
    ended.into_iter().for_each(|session| house.sessions.end(session));
    Ok(Login { token, session, user })
}

/// The credentials, if the password is theirs. The same work, whether there are any or not.
async fn verify(
    house: &House,
    cx: &Context,
    password: Secret,
    found: Option<Credentials>,
) -> Result<Option<Credentials>, Fault> {
    let stored = found.as_ref().and_then(|credentials| credentials.password_hash.clone());
    let right = house.passwords.verify(cx, password, stored).await?;
    Ok(found.filter(|_| right))
}

/// The user as they are now, if the password is still the one that was verified.
async fn still(tx: &mut Tx, verified: &Credentials) -> Result<User, Failure> {
    let now = users::credentials(tx, verified.user.id).await?;
    let same = |now: &Credentials| now.password_hash == verified.password_hash;
    Ok(now.filter(same).ok_or(Error::WrongCredentials {})?.user)
}

fn new_session(house: &House) -> Session {
    let now = house.env.now();
    let expires_at = now.plus(house.options.session_life);
    Session { id: house.env.id(), created_at: now, rotated_at: now, expires_at, current: true }
}

/// Makes room for one more session; which ones had to end.
async fn end_oldest(tx: &mut Tx, user: &User, sessions_max: usize) -> Result<Vec<SessionId>, Failure> {
    let open = sessions::list(tx, user.id).await?;
    let surplus = (open.len() + 1).saturating_sub(sessions_max);
    let ended: Vec<SessionId> = open.iter().take(surplus).map(|session| session.id).collect();
    for session in &ended {
        sessions::end(tx, user.id, *session).await?;
    }
    Ok(ended)
}

pub(super) async fn authenticate(
    house: &House,
    cx: &Context,
    Token { token }: Token,
) -> Result<Authenticated, Error> {
    let Some(presented) = Presented::parse(&token) else { return Err(unauthenticated()) };
    let now = house.env.now();
    if let Some(known) = house.sessions.get(&presented, now) {
        return Ok(known);
    }
    let seen = house.sessions.before_read();
    let Presented { user, session, .. } = presented;
    let found = house.db.read(cx, async move |tx| sessions::find(tx, user, session).await).await?;
    let stored = valid(found, &presented, now)?;
    let (role, token_hash, expires_at) = (stored.role, stored.token_hash, stored.expires_at);
    house.sessions.put(seen, session, Entry { user, role, token_hash, expires_at, read_at: now });
    Ok(Authenticated { user, role, session })
}

/// The stored session, if the token is its token and its time is not over.
fn valid(
    found: Option<sessions::Stored>,
    presented: &Presented,
    now: Timestamp,
) -> Result<sessions::Stored, Error> {
    let valid = |stored: &sessions::Stored| presented.proves(&stored.token_hash) && now < stored.expires_at;
    found.filter(valid).ok_or_else(unauthenticated)
}

fn unauthenticated() -> Error {
    Fault::Unauthenticated {}.into()
}

pub(super) async fn rotate(house: &House, cx: &Context, Token { token }: Token) -> Result<Login, Error> {
    let Some(presented) = Presented::parse(&token) else { return Err(unauthenticated()) };
    let Presented { user, session: id, .. } = presented;
    let (next, next_hash) = token::issue(user, id, house.env.rng().token());
    let now = house.env.now();
    let rotated = house.db.write(cx, async move |tx| {
        let stored = valid(sessions::find(tx, user, id).await?, &presented, now)?;
        if !sessions::rotate(tx, (user, id), presented.hash(), next_hash, now).await? {
            return Err(unauthenticated().into());
        }
        let (created_at, expires_at) = (stored.created_at, stored.expires_at);
        let session = Session { id, created_at, rotated_at: now, expires_at, current: true };
        Ok::<_, Failure>((session, users::get(tx, user).await?))
    });
    let (session, user) = rotated.await?;
    house.sessions.end(id);
    Ok(Login { token: next, session, user })
}

pub(super) async fn list(house: &House, cx: &Context, request: ListSessions) -> Result<Vec<Session>, Error> {
    access::see(&cx.caller, request.user)?;
    let all = house.db.read(cx, async move |tx| {
        users::get(tx, request.user).await?;
        sessions::list(tx, request.user).await
    });
    let (all, now) = (all.await?, house.env.now());
    let open = all.into_iter().filter(|session| now < session.expires_at);
    Ok(open.map(|session| Session { current: Some(session.id) == request.current, ..session }).collect())
}

pub(super) async fn revoke(house: &House, cx: &Context, request: SessionRef) -> Result<(), Error> {
    access::see(&cx.caller, request.user)?;
    let (caller, SessionRef { user: id, session }) = (cx.caller, request);
    let revoked = house.db.write(cx, async move |tx| {
        // A closed account has no sessions: there is nothing to do.
        let Some(user) = users::find(tx, id).await? else { return Ok(()) };
        access::change(&caller, &user)?;
        match session {
            Some(session) => sessions::end(tx, id, session).await,
            None => sessions::end_all(tx, id, None).await,
        }
    });
    revoked.await?;
    match session {
        Some(session) => house.sessions.end(session),
        None => house.sessions.end_all(id),
    }
    Ok(())
}

pub(super) async fn change_password(
    house: &House,
    cx: &Context,
    ChangePassword { user: id, keep, change }: ChangePassword,
) -> Result<(), Error> {
    access::own(&cx.caller, id)?;
    check(&change)?;
    let found = house.db.read(cx, async move |tx| {
        users::get(tx, id).await?;
        users::credentials(tx, id).await
    });
    let found = found.await?;
    let verified = verify(house, cx, change.current, found).await?;
    let credentials = verified.ok_or(Error::WrongCredentials {})?;
    let next_hash = house.passwords.accept(cx, change.new, about(&credentials.user)).await?;
    let env = house.env.clone();
    let changed = house.db.write(cx, async move |tx| {
        let next = profile::changed(still(tx, &credentials).await?, env.now());
        users::set_password(tx, &next, next_hash.clone()).await?;
        resets::remove_all(tx, id).await?;
        sessions::end_all(tx, id, keep).await?;
        append(tx, &events::password_changed(&next), &env).await?;
        Ok::<_, Failure>(())
    });
    changed.await?;
    house.sessions.end_all(id);
    Ok(())
}
