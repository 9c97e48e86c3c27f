use shoal_contract::users::{Error, ListUsers, UpdateUser, User, UserChange, UserRef, Users};
use shoal_sql::params;
use shoal_types::{Fact, Fault, Limit, PageRequest, Role, Secret};

use crate::town::{PASSWORD, Town, address, credentials, keyed, new_user, registration, sql};

fn rename(user: &User, name: &str, expected_version: Option<u64>) -> UpdateUser {
    let change = UserChange { name: Some(name.to_owned()), ..UserChange::default() };
    UpdateUser { user: user.id, expected_version, change }
}

#[tokio::test]
async fn every_statement_is_understood() {
    let town = Town::start().await;
    assert_eq!(town.house.database().check(shoal_users::STATEMENTS).await, Ok(()));
}

#[tokio::test]
async fn a_registered_user_is_a_customer_and_sees_themselves() {
    let town = Town::start().await;
    let ada = town.register(" Ada@Example.COM".trim()).await;
    assert_eq!((ada.email.as_str(), ada.role, ada.version), ("ada@example.com", Role::Customer, 1));
    assert_eq!(town.house.get_user(&town.of(&ada), UserRef { user: ada.id }).await, Ok(ada));
    assert_eq!(town.events().await, ["user.registered"]);
}

#[tokio::test]
async fn of_two_racing_for_one_email_one_wins() {
    let town = Town::start().await;
    let cx = town.anonymous();
    let racers = (0..8).map(|place| {
        let email = if place % 2 == 0 { "ada@example.com" } else { "ADA@example.com" };
        town.house.register(&cx, registration(email))
    });
    let outcomes = futures::future::join_all(racers).await;
    let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, 7));
    assert!(lost.into_iter().all(|outcome| outcome == Err(Error::EmailTaken {})));
    assert_eq!(town.list::<i64>(sql::USERS).await, [1]);
    assert_eq!(town.events().await, ["user.registered"]);
}

#[tokio::test]
async fn a_repeated_registration_gets_the_first_answer_without_another_hash() {
    let town = Town::start().await;
    let cx = keyed(&town.anonymous(), "a", 1);
    let first = town.house.register(&cx, registration("ada@example.com")).await;
    let again = town.house.register(&cx, registration("ada@example.com")).await;
    assert_eq!((first.is_ok(), &first), (true, &again));
    assert_eq!(town.house.hashes_computed(), 1);
    let other = keyed(&town.anonymous(), "a", 2);
    let reused = town.house.register(&other, registration("bea@example.com")).await;
    assert_eq!(reused, Err(Fault::IdempotencyKeyReused {}.into()));
}

#[tokio::test]
async fn unacceptable_fields_are_all_named_and_nothing_is_written() {
    let town = Town::start().await;
    let mut wrong = registration("ada");
    wrong.name = "x".repeat(201);
    wrong.password = Secret::new("short");
    let refused = town.house.register(&town.anonymous(), wrong).await.expect_err("refused");
    let mut fields: Vec<_> =
        refused.violations().iter().map(|v| (v.field.as_str(), v.rule.as_str())).collect();
    fields.sort_unstable();
    assert_eq!(fields, [("email", "email"), ("name", "too_long"), ("password", "too_short")]);
    let weak = town
        .house
        .register(
            &town.anonymous(),
            shoal_contract::users::Register {
                password: Secret::new("password1234"),
                ..registration("ada@example.com")
            },
        )
        .await;
    assert!(matches!(weak, Err(Error::WeakPassword { .. })), "{weak:?}");
    assert_eq!(town.list::<i64>(sql::USERS).await, [0]);
}

#[tokio::test]
async fn a_profile_changes_at_its_version_only() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let cx = town.of(&ada);
    let changed = town.house.update_user(&cx, rename(&ada, "Ada King", Some(1))).await.expect("changed");
    assert_eq!((changed.name.as_str(), changed.version), ("Ada King", 2));
    let stale = town.house.update_user(&cx, rename(&ada, "Ada Byron", Some(1))).await;
    assert_eq!(stale, Err(Error::UserChanged { version: 2 }));
    assert_eq!(town.events().await, ["user.registered", "user.changed"]);
}

#[tokio::test]
async fn a_change_that_changes_nothing_leaves_the_version() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let same = town.house.update_user(&town.of(&ada), rename(&ada, &ada.name, None)).await;
    assert_eq!(same, Ok(ada));
    assert_eq!(town.events().await, ["user.registered"]);
}

#[tokio::test]
async fn tags_are_for_staff() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let staff = town.create("sam@example.com", Role::Staff).await;
    let change = UserChange { tags: Some(vec!["wholesale".to_owned()]), ..UserChange::default() };
    let tag = UpdateUser { user: ada.id, expected_version: None, change };
    let by_herself = town.house.update_user(&town.of(&ada), tag.clone()).await;
    assert_eq!(by_herself, Err(Fault::Forbidden {}.into()));
    let by_staff = town.house.update_user(&town.of(&staff), tag).await.expect("tagged");
    assert_eq!(by_staff.tags, ["wholesale"]);
}

#[tokio::test]
async fn a_closed_account_leaves_nothing_personal_and_frees_its_email() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let login = town.log_in("ada@example.com").await;
    assert!(town.opens(&login.token).await);
    for _ in 0..2 {
        assert_eq!(town.house.delete_user(&town.of(&ada), UserRef { user: ada.id }).await, Ok(()));
    }
    assert!(!town.opens(&login.token).await);
    let (cx, id) = (town.system(), ada.id);
    type Left = (String, Option<String>, Option<String>, Option<String>);
    let left = town
        .house
        .database()
        .read(&cx, async move |tx| tx.find::<Left>(sql::LEFT_OF_USER, params![id]).await);
    assert_eq!(left.await, Ok(Some((String::new(), None, None, None))));
    let gone = town.house.get_user(&town.system(), UserRef { user: ada.id }).await;
    assert_eq!(gone, Err(Error::UnknownUser {}));
    let refused = town.house.log_in(&town.anonymous(), credentials("ada@example.com", PASSWORD)).await;
    assert_eq!(refused.map(|_| ()), Err(Error::WrongCredentials {}));
    assert_ne!(town.register("ada@example.com").await.id, ada.id);
    assert_eq!(town.events().await, ["user.registered", "user.deleted", "user.registered"]);
}

#[tokio::test]
async fn events_hold_no_email_and_no_name() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let change = UserChange { name: Some("Ada".into()), phone: Some("1".into()), ..UserChange::default() };
    let request = UpdateUser { user: ada.id, expected_version: None, change };
    town.house.update_user(&town.system(), request).await.expect("changed");
    let told = town.list::<String>(sql::EVENT_DATA).await;
    let changed = r#"{"role":"customer","changed":["name","phone"]}"#;
    assert_eq!(told, [r#"{"role":"customer","by":"user"}"#, changed]);
}

#[tokio::test]
async fn pages_show_every_user_once_newest_first() {
    let town = Town::start().await;
    let mut expected = Vec::new();
    for place in 0..5 {
        expected.insert(0, town.register(&format!("user{place}@example.com")).await);
    }
    let mut page = PageRequest { limit: Limit::new(2).expect("in range"), cursor: None };
    let mut seen = Vec::new();
    loop {
        let request = ListUsers { page: page.clone(), ..ListUsers::default() };
        let answer = town.house.list_users(&town.system(), request).await.expect("a page");
        seen.extend(answer.items);
        match answer.next {
            Some(next) => page.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn users_are_found_by_role_and_by_email() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let sam = town.create("sam@example.com", Role::Staff).await;
    let list = async |role: Option<Role>, email: Option<&str>| {
        let request = ListUsers { role, email: email.map(str::to_owned), ..ListUsers::default() };
        town.house.list_users(&town.system(), request).await.expect("a page").items
    };
    assert_eq!(list(Some(Role::Staff), None).await, std::slice::from_ref(&sam));
    assert_eq!(list(None, Some("ADA@example.com")).await, [ada]);
    assert_eq!(list(Some(Role::Customer), Some("sam@example.com")).await, []);
    assert_eq!(list(None, Some("nobody\0")).await, []);
}

#[tokio::test]
async fn an_account_made_by_staff_has_its_addresses_and_is_made_once() {
    let town = Town::start().await;
    let sam = town.create("sam@example.com", Role::Staff).await;
    let cx = keyed(&town.of(&sam), "a", 1);
    let new = || shoal_contract::users::NewUser {
        addresses: vec![address("London"), address("Bath")],
        ..new_user("ada@example.com")
    };
    let ada = town.house.create_user(&cx, new()).await.expect("created");
    assert_eq!(town.house.create_user(&cx, new()).await, Ok(ada.clone()));
    let kept = town.house.list_addresses(&town.of(&sam), UserRef { user: ada.id }).await.expect("listed");
    let cities: Vec<_> = kept.iter().map(|saved| (saved.address.city.as_str(), saved.default)).collect();
    assert_eq!(cities, [("London", true), ("Bath", false)]);
}
