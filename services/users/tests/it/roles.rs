use shoal_contract::users::{
    Error, GrantRole, NewUser, SessionRef, Token, UpdateUser, User, UserChange, UserRef, Users,
};
use shoal_types::{Fault, Role, Secret};

use crate::town::{PASSWORD, Town, new_user};

fn grant(user: &User, role: Role) -> GrantRole {
    GrantRole { user: user.id, role }
}

#[tokio::test]
async fn a_granted_role_counts_at_once() {
    let town = Town::start().await;
    let ada = town.register("ada@example.com").await;
    let login = town.log_in("ada@example.com").await;
    let role = async || {
        let token = Token { token: login.token.clone() };
        town.house.authenticate(&town.anonymous(), token).await.map(|known| known.role)
    };
    assert_eq!(role().await, Ok(Role::Customer));
    let root = town.create("root@example.com", Role::Administrator).await;
    let granted = town.house.grant_role(&town.of(&root), grant(&ada, Role::Staff)).await.expect("granted");
    assert_eq!((granted.role, granted.version), (Role::Staff, 2));
    assert_eq!(role().await, Ok(Role::Staff));
    let again = town.house.grant_role(&town.of(&root), grant(&ada, Role::Staff)).await;
    assert_eq!(again.map(|user| user.version), Ok(2));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let town = Town::start().await;
    let root = town.create("root@example.com", Role::Administrator).await;
    let cx = town.of(&root);
    let last = Err(Error::LastAdministrator {});
    assert_eq!(town.house.grant_role(&cx, grant(&root, Role::Staff)).await.map(|_| ()), last);
    assert_eq!(town.house.delete_user(&cx, UserRef { user: root.id }).await, last);
    town.create("second@example.com", Role::Administrator).await;
    assert_eq!(town.house.delete_user(&cx, UserRef { user: root.id }).await, Ok(()));
}

#[tokio::test]
async fn of_two_administrators_who_step_down_at_once_one_stays() {
    let town = Town::start().await;
    let first = town.create("first@example.com", Role::Administrator).await;
    let second = town.create("second@example.com", Role::Administrator).await;
    let (cx, by) = (town.of(&first), town.of(&second));
    let (one, other) = tokio::join!(
        town.house.grant_role(&cx, grant(&first, Role::Customer)),
        town.house.delete_user(&by, UserRef { user: second.id }),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
}

#[tokio::test]
async fn staff_make_customers_and_administrators_make_staff() {
    let town = Town::start().await;
    let staff = town.create("sam@example.com", Role::Staff).await;
    let root = town.create("root@example.com", Role::Administrator).await;
    let ada = town.register("ada@example.com").await;
    let create = async |by: &User, role: Role, email: &str| {
        town.house.create_user(&town.of(by), NewUser { role, ..new_user(email) }).await.map(|user| user.role)
    };
    let forbidden = Err(Fault::Forbidden {}.into());
    assert_eq!(create(&staff, Role::Customer, "a@example.com").await, Ok(Role::Customer));
    assert_eq!(create(&staff, Role::Staff, "b@example.com").await, forbidden);
    assert_eq!(create(&root, Role::Staff, "b@example.com").await, Ok(Role::Staff));
    assert_eq!(create(&ada, Role::Customer, "c@example.com").await, forbidden);
    assert_eq!(
        town.house.grant_role(&town.of(&staff), grant(&ada, Role::Staff)).await.map(|user| user.role),
        forbidden
    );
}

#[tokio::test]
async fn staff_do_not_touch_administrators() {
    let town = Town::start().await;
    let staff = town.create("sam@example.com", Role::Staff).await;
    let root = town
        .house
        .create_user(
            &town.system(),
            NewUser {
                role: Role::Administrator,
                password: Some(Secret::new(PASSWORD)),
                ..new_user("root@example.com")
            },
        )
        .await
        .expect("created");
    let login = town.log_in("root@example.com").await;
    let (cx, forbidden) = (town.of(&staff), Err(Error::Fault(Fault::Forbidden {})));
    let change = UserChange { name: Some("Sam".to_owned()), ..UserChange::default() };
    let rename = UpdateUser { user: root.id, expected_version: None, change };
    assert_eq!(town.house.update_user(&cx, rename).await.map(|_| ()), forbidden);
    assert_eq!(town.house.delete_user(&cx, UserRef { user: root.id }).await, forbidden);
    let sessions = SessionRef { user: root.id, session: None };
    assert_eq!(town.house.revoke_session(&cx, sessions).await, forbidden);
    assert!(town.opens(&login.token).await);
}
