//! An e-mail is claimed in a commit of its own, before its account: what races and crashes leave between the two.

use std::time::Duration;

use futures::future::join_all;
use shoal_contract::users::{Error, ImportUsers, Imported, UserId, UserRef, Users};
use shoal_sql::{Tx, params, statements};
use shoal_types::Fact;

use crate::town::{PASSWORD, Town, credentials, keyed, new_user, registration, sql};

const EMAIL: &str = "ada@example.com";
const A_WHILE: Duration = Duration::from_secs(61);

statements! {
    mod claims {
        CLAIM = "insert into emails (email, user_id, claimed_at) values ($1, $2, $3)";
        CLAIMED = "select user_id from emails where email = 'ada@example.com'";
        CLOSED = "select count(*) from users where deleted_at is not null";
    }
}

/// A claim whose account never came: its registration was cut off.
async fn cut_off(town: &Town) -> UserId {
    let (user, now): (UserId, _) = (town.env.id(), town.env.now());
    let claim = async move |tx: &mut Tx| tx.execute(claims::CLAIM, params![EMAIL, user, now]).await;
    town.house.database().write(&town.system(), claim).await.expect("claimed");
    user
}

async fn claimed(town: &Town) -> Vec<UserId> {
    town.list(claims::CLAIMED).await
}

#[tokio::test]
async fn of_many_who_register_an_email_one_has_it() {
    let town = Town::start().await;
    let cx = town.anonymous();
    let racing = join_all((0..16).map(|_| town.house.register(&cx, registration(EMAIL)))).await;
    let winners: Vec<_> = racing.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(winners.len(), 1);
    assert!(racing.iter().all(|answer| answer.is_ok() || *answer == Err(Error::EmailTaken {})));
    assert_eq!((claimed(&town).await, town.list::<i64>(sql::USERS).await), (vec![winners[0].id], vec![1]));
}

#[tokio::test]
async fn a_claim_left_by_a_crash_is_given_to_one_of_those_who_ask_later() {
    let town = Town::start().await;
    let left = cut_off(&town).await;
    let cx = town.anonymous();
    let soon = town.house.register(&cx, registration(EMAIL)).await;
    assert_eq!(soon, Err(Error::EmailTaken {}), "it may still be under way");
    assert_eq!(
        town.house.log_in(&cx, credentials(EMAIL, PASSWORD)).await.err(),
        Some(Error::WrongCredentials {})
    );

    town.clock.advance(A_WHILE);
    let cx = town.anonymous();
    let racing = join_all((0..16).map(|_| town.house.register(&cx, registration(EMAIL)))).await;
    let winners: Vec<_> = racing.into_iter().filter_map(Result::ok).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(claimed(&town).await, [winners[0].id]);
    assert_ne!(winners[0].id, left);
    // The one that was cut off can no longer come.
    assert_eq!(town.list::<i64>(claims::CLOSED).await, [1]);
    assert_eq!(town.log_in(EMAIL).await.user.id, winners[0].id);
}

#[tokio::test]
async fn a_registration_that_was_cut_off_goes_on_under_its_key() {
    let town = Town::start().await;
    let cx = keyed(&town.anonymous(), "k", 1);
    // The id of the account is the same each time, so the claim of the first try is that of the second.
    let lost = Town::start().await;
    let id = lost.house.register(&cx, registration(EMAIL)).await.expect("registered elsewhere").id;
    let now = town.env.now();
    let claim = async move |tx: &mut Tx| tx.execute(claims::CLAIM, params![EMAIL, id, now]).await;
    town.house.database().write(&town.system(), claim).await.expect("claimed");
    let user = town.house.register(&cx, registration(EMAIL)).await.expect("it is its own claim");
    assert_eq!(user.id, id);
    assert_eq!(town.house.register(&cx, registration(EMAIL)).await, Ok(user));
    let other = keyed(&town.anonymous(), "another", 1);
    assert_eq!(town.house.register(&other, registration(EMAIL)).await, Err(Error::EmailTaken {}));
}

#[tokio::test]
async fn many_repeats_under_one_key_open_one_account() {
    let town = Town::start().await;
    let cx = keyed(&town.anonymous(), "k", 1);
    let racing = join_all((0..16).map(|_| town.house.register(&cx, registration(EMAIL)))).await;
    let ids: Vec<_> =
        racing.into_iter().map(|answer| answer.expect("each gets the one account").id).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(town.list::<i64>(sql::USERS).await, [1]);
}

#[tokio::test]
async fn a_closed_account_whose_claim_stayed_does_not_keep_the_email() {
    let town = Town::start().await;
    let ada = town.register(EMAIL).await;
    town.house.delete_user(&town.of(&ada), UserRef { user: ada.id }).await.expect("closed");
    assert_eq!(claimed(&town).await, []);
    // As if the process had died between closing and giving up.
    let (id, now) = (ada.id, town.env.now());
    let claim = async move |tx: &mut Tx| tx.execute(claims::CLAIM, params![EMAIL, id, now]).await;
    town.house.database().write(&town.system(), claim).await.expect("claimed");
    let again = town.register(EMAIL).await;
    assert_eq!(claimed(&town).await, [again.id]);
}

#[tokio::test]
async fn an_import_clears_away_what_a_crash_has_left() {
    let town = Town::start().await;
    cut_off(&town).await;
    let rows = || ImportUsers { dry_run: false, users: vec![new_user(EMAIL), new_user("bob@example.com")] };
    let soon = town.house.import_users(&town.system(), rows()).await;
    assert_eq!(soon.expect_err("it may still be under way").code(), "email_taken");
    town.clock.advance(A_WHILE);
    let later = town.house.import_users(&town.system(), rows()).await;
    assert_eq!(later, Ok(vec![Imported::Created; 2]));
}
