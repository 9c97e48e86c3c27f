use shoal_contract::users::{
    AddressBody, AddressRef, ChangePassword, Error, ImportUsers, ListSessions, ListUsers, PasswordChange,
    SaveAddress, SessionRef, UpdateUser, UserChange, UserId, UserRef, Users,
};
use shoal_types::{Context, Fault, Secret};

use crate::town::{PASSWORD, Town, address};

/// What each method about another user answers to the caller.
async fn attempts(town: &Town, cx: &Context, user: UserId) -> Vec<(&'static str, Result<(), Error>)> {
    let house = &town.house;
    let change = UserChange { name: Some("Eve".to_owned()), ..UserChange::default() };
    let passwords =
        PasswordChange { current: Secret::new(PASSWORD), new: Secret::new("three grey cormorants") };
    let body = AddressBody { address: address("London"), default: true };
    let (one, update) = (UserRef { user }, UpdateUser { user, expected_version: None, change });
    let sessions = ListSessions { user, current: None };
    let password = ChangePassword { user, keep: None, change: passwords };
    vec![
        ("get_user", house.get_user(cx, one).await.map(|_| ())),
        ("update_user", house.update_user(cx, update).await.map(|_| ())),
        ("delete_user", house.delete_user(cx, one).await),
        ("list_sessions", house.list_sessions(cx, sessions).await.map(|_| ())),
        ("revoke_session", house.revoke_session(cx, SessionRef { user, session: None }).await),
        ("change_password", house.change_password(cx, password).await),
        ("list_addresses", house.list_addresses(cx, one).await.map(|_| ())),
        ("save_address", house.save_address(cx, SaveAddress { user, id: None, body }).await.map(|_| ())),
        ("remove_address", house.remove_address(cx, AddressRef { user, id: town.env.id() }).await),
    ]
}

#[tokio::test]
async fn another_user_does_not_exist() {
    let town = Town::start().await;
    let (ada, eve) = (town.register("ada@example.com").await, town.register("eve@example.com").await);
    let cx = town.of(&eve);
    let nobody = attempts(&town, &cx, town.env.id()).await;
    assert_eq!(attempts(&town, &cx, ada.id).await, nobody);
    assert!(nobody.iter().all(|(_, answer)| *answer == Err(Error::UnknownUser {})), "{nobody:?}");
}

#[tokio::test]
async fn a_guest_is_asked_to_log_in() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    for (method, answer) in attempts(&town, &town.anonymous(), ada.id).await {
        assert_eq!(answer, Err(Fault::Unauthenticated {}.into()), "{method}");
    }
}

#[tokio::test]
async fn customers_neither_list_nor_import() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let import = || ImportUsers { users: vec![], dry_run: true };
    for (cx, fault) in [(town.of(&ada), Fault::Forbidden {}), (town.anonymous(), Fault::Unauthenticated {})] {
        let listed = town.house.list_users(&cx, ListUsers::default()).await;
        assert_eq!(listed.map(|_| ()), Err(fault.clone().into()));
        assert_eq!(town.house.import_users(&cx, import()).await.map(|_| ()), Err(fault.into()));
    }
}
