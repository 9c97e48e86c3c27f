use std::time::Duration;

use shoal_contract::users::{
    ChangePassword, Error, ListSessions, LogIn, PasswordChange, SessionRef, Token, User, Users,
};
use shoal_sql::Engine;
use shoal_types::{Fault, Role, Secret};
use shoal_users::{Options, PasswordOptions};

use crate::town::{PASSWORD, Town, credentials, new_user, sql};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn token(token: &Secret) -> Token {
    Token { token: token.clone() }
}

fn password_change(user: &User, current: &str, new: &str) -> ChangePassword {
    let change = PasswordChange { current: Secret::new(current), new: Secret::new(new) };
    ChangePassword { user: user.id, keep: None, change }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_email_cost_and_say_the_same() {
    let town = Town::start().await;
    town.register("ada@example.com").await;
    town.house.create_user(&town.system(), new_user("imported@example.com")).await.expect("created");
    for (email, password) in [
        ("ada@example.com", "ten yellow herons"),
        ("nobody@example.com", PASSWORD),
        ("imported@example.com", PASSWORD),
        ("no\0body", PASSWORD),
    ] {
        let before = town.house.hashes_computed();
        let refused = town.house.log_in(&town.anonymous(), credentials(email, password)).await;
        assert_eq!(refused.map(|_| ()), Err(Error::WrongCredentials {}), "{email}");
        assert_eq!(town.house.hashes_computed() - before, 1, "{email}");
    }
}

#[tokio::test]
async fn a_token_opens_the_door_and_only_its_hash_is_kept() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let login = town.log_in("ADA@example.com ").await;
    assert_eq!(login.user, ada);
    assert!(login.token.expose().starts_with("shoal_"));
    let known = town.house.authenticate(&town.anonymous(), token(&login.token)).await.expect("valid");
    assert_eq!((known.user, known.role, known.session), (ada.id, Role::Customer, login.session.id));
    let kept: Vec<[u8; 32]> = town.list(sql::TOKEN_HASHES).await;
    assert_eq!(kept.len(), 1);
    for wrong in ["", "shoal_", "shoal_AAAA", &login.token.expose()[..91], "Bearer x"] {
        assert!(!town.opens(&Secret::new(wrong)).await, "{wrong}");
    }
    let forged = format!("{}A", &login.token.expose()[..91]);
    assert!(!town.opens(&Secret::new(if forged == login.token.expose() { "x" } else { &forged })).await);
}

#[tokio::test]
async fn a_session_seen_lately_costs_no_statement_where_nobody_else_can_end_it() {
    let town = Town::start().await;
    town.register("ada@example.com").await;
    let login = town.log_in("ada@example.com").await;
    assert!(town.opens(&login.token).await);
    let before = town.statements();
    for _ in 0..100 {
        assert!(town.opens(&login.token).await);
    }
    if town.house.database().engine() == Engine::Postgres {
        // Another node may have ended it.
        assert_eq!(town.statements() - before, 100);
        return;
    }
    assert_eq!(town.statements(), before);
    town.clock.advance(Duration::from_secs(1));
    assert!(town.opens(&login.token).await);
    assert_eq!(town.statements() - before, 1);
}

#[tokio::test]
async fn a_rotated_token_ends_at_once_and_its_session_goes_on() {
    let town = Town::start().await;
    town.register("ada@example.com").await;
    let first = town.log_in("ada@example.com").await;
    assert!(town.opens(&first.token).await);
    town.clock.advance(DAY);
    let second = town.house.rotate_session(&town.anonymous(), token(&first.token)).await.expect("rotated");
    assert!(!town.opens(&first.token).await);
    assert!(town.opens(&second.token).await);
    assert_eq!(second.session.id, first.session.id);
    assert_eq!(second.session.expires_at, first.session.expires_at);
    assert_eq!(second.session.rotated_at, first.session.rotated_at.plus(DAY));
    let again = town.house.rotate_session(&town.anonymous(), token(&first.token)).await;
    assert_eq!(again.map(|_| ()), Err(Fault::Unauthenticated {}.into()));
}

#[tokio::test]
async fn of_two_rotations_at_once_one_wins() {
    let town = Town::start().await;
    town.register("ada@example.com").await;
    let login = town.log_in("ada@example.com").await;
    let cx = town.anonymous();
    let rotate = || town.house.rotate_session(&cx, token(&login.token));
    let (first, second) = tokio::join!(rotate(), rotate());
    assert!(first.is_ok() != second.is_ok());
}

#[tokio::test]
async fn a_session_ends_after_thirty_days() {
    let town = Town::start().await;
    town.register("ada@example.com").await;
    let login = town.log_in("ada@example.com").await;
    town.clock.advance(30 * DAY - Duration::from_micros(1));
    assert!(town.opens(&login.token).await);
    town.clock.advance(Duration::from_micros(1));
    assert!(!town.opens(&login.token).await);
    assert_eq!(town.list::<i64>(sql::SESSIONS).await, [1]);
    assert_eq!(town.house.sweep().await, Ok(1));
    assert_eq!(town.list::<i64>(sql::SESSIONS).await, [0]);
}

#[tokio::test]
async fn a_revoked_session_ends_at_once() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let (phone, laptop) = (town.log_in("ada@example.com").await, town.log_in("ada@example.com").await);
    assert!(town.opens(&phone.token).await && town.opens(&laptop.token).await);
    let one = SessionRef { user: ada.id, session: Some(phone.session.id) };
    for _ in 0..2 {
        assert_eq!(town.house.revoke_session(&town.of(&ada), one).await, Ok(()));
    }
    assert!(!town.opens(&phone.token).await);
    assert!(town.opens(&laptop.token).await);
    let all = SessionRef { user: ada.id, session: None };
    assert_eq!(town.house.revoke_session(&town.of(&ada), all).await, Ok(()));
    assert!(!town.opens(&laptop.token).await);
}

#[tokio::test]
async fn the_open_sessions_are_listed_and_the_asking_one_is_marked() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let old = town.log_in("ada@example.com").await;
    town.clock.advance(DAY);
    let new = town.log_in("ada@example.com").await;
    let list = async || {
        let request = ListSessions { user: ada.id, current: Some(new.session.id) };
        let sessions = town.house.list_sessions(&town.of(&ada), request).await.expect("listed");
        sessions.into_iter().map(|session| (session.id, session.current)).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [(old.session.id, false), (new.session.id, true)]);
    town.clock.advance(29 * DAY);
    assert_eq!(list().await, [(new.session.id, true)]);
}

#[tokio::test]
async fn one_login_too_many_ends_the_oldest() {
    let town = Town::with(Options { sessions_max: 2, ..Options::default() }).await;
    town.register("ada@example.com").await;
    let mut tokens = Vec::new();
    for _ in 0..3 {
        town.clock.advance(Duration::from_millis(1));
        tokens.push(town.log_in("ada@example.com").await.token);
        assert!(town.opens(&tokens[tokens.len() - 1]).await);
    }
    let open = [town.opens(&tokens[0]).await, town.opens(&tokens[1]).await, town.opens(&tokens[2]).await];
    assert_eq!(open, [false, true, true]);
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let (kept, other) = (town.log_in("ada@example.com").await, town.log_in("ada@example.com").await);
    assert!(town.opens(&kept.token).await && town.opens(&other.token).await);
    let new = "three grey cormorants";
    let change = ChangePassword { keep: Some(kept.session.id), ..password_change(&ada, PASSWORD, new) };
    assert_eq!(town.house.change_password(&town.of(&ada), change).await, Ok(()));
    assert_eq!((town.opens(&kept.token).await, town.opens(&other.token).await), (true, false));
    let old: LogIn = credentials("ada@example.com", PASSWORD);
    let refused = town.house.log_in(&town.anonymous(), old).await;
    assert_eq!(refused.map(|_| ()), Err(Error::WrongCredentials {}));
    let login = town.house.log_in(&town.anonymous(), credentials("ada@example.com", new)).await;
    assert_eq!(login.map(|login| login.user.version), Ok(2));
}

#[tokio::test]
async fn a_password_changes_only_for_who_knows_it() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let guessed = password_change(&ada, "nine yellow geese", "three grey cormorants");
    let refused = town.house.change_password(&town.of(&ada), guessed).await;
    assert_eq!(refused, Err(Error::WrongCredentials {}));
    let weak = password_change(&ada, PASSWORD, "ada@example.com");
    let refused = town.house.change_password(&town.of(&ada), weak).await;
    assert!(matches!(refused, Err(Error::WeakPassword { .. })), "{refused:?}");
    let root = town.create("root@example.com", Role::Administrator).await;
    let change = password_change(&ada, PASSWORD, "three grey cormorants");
    let refused = town.house.change_password(&town.of(&root), change).await;
    assert_eq!(refused, Err(Fault::Forbidden {}.into()));
}

#[tokio::test]
async fn more_logins_than_may_wait_are_refused() {
    let passwords = PasswordOptions { hashes_max: 1, waiting_max: 1, ..PasswordOptions::default() };
    let town = Town::with(Options { passwords, ..Options::default() }).await;
    let cx = town.anonymous();
    let guesses = (0..100).map(|_| town.house.log_in(&cx, credentials("nobody@example.com", PASSWORD)));
    let outcomes = futures::future::join_all(guesses).await;
    let overloaded =
        outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Fault(Fault::Overloaded {}))));
    assert!(overloaded.count() > 0);
    assert!(outcomes.iter().all(Result::is_err));
}
