use shoal_contract::users::{ImportUsers, Imported, NewUser, UserRef, Users};
use shoal_types::{Fact, Role, Secret};

use crate::town::{PASSWORD, Town, address, credentials, new_user, sql};

async fn import(town: &Town, users: Vec<NewUser>) -> Vec<Imported> {
    town.house.import_users(&town.system(), ImportUsers { users, dry_run: false }).await.expect("imported")
}

fn code(outcome: &Imported) -> (&str, Option<&str>) {
    match outcome {
        Imported::Refused { code, field, .. } => (code, field.as_deref()),
        _ => ("", None),
    }
}

fn households() -> Vec<NewUser> {
    (0..50)
        .map(|place| NewUser {
            tags: vec!["household".to_owned()],
            addresses: vec![address("London"), address("Bath")],
            ..new_user(&format!("household{place}@example.com"))
        })
        .collect()
}

#[tokio::test]
async fn a_second_import_finds_the_first() {
    let town = Town::start().await;
    assert_eq!(import(&town, households()).await, vec![Imported::Created; 50]);
    assert_eq!(import(&town, households()).await, vec![Imported::Unchanged; 50]);
    assert_eq!(town.list::<i64>(sql::USERS).await, [50]);
    let mut moved = households();
    moved[7].addresses = vec![address("Leeds")];
    moved[8].name = "Ada King".to_owned();
    let outcomes = import(&town, moved).await;
    assert_eq!(
        (&outcomes[6], &outcomes[7], &outcomes[8]),
        (&Imported::Unchanged, &Imported::Updated, &Imported::Updated)
    );
    assert_eq!(town.events().await.iter().filter(|kind| *kind == "user.changed").count(), 1);
}

#[tokio::test]
async fn an_import_costs_the_same_statements_whatever_its_size() {
    let town = Town::start().await;
    // An engine over a network learns from the first which reads are more than one statement.
    import(&town, vec![new_user("first@example.com")]).await;
    let mut costs = Vec::new();
    for count in [1, 49] {
        let rows = households().into_iter().skip(costs.len()).take(count).collect();
        let before = town.statements();
        import(&town, rows).await;
        costs.push(town.statements() - before);
    }
    assert_eq!(costs[0], costs[1]);
    assert!(costs[0] <= 8, "{costs:?}");
}

#[tokio::test]
async fn a_bad_row_is_refused_and_the_good_ones_go_in() {
    let town = Town::start().await;
    let weak = NewUser { password: Some(Secret::new("password1234")), ..new_user("weak@example.com") };
    let mut nowhere = new_user("nowhere@example.com");
    nowhere.addresses = vec![address("")];
    let outcomes = import(&town, vec![new_user("ada"), new_user("ada@example.com"), weak, nowhere]).await;
    assert_eq!(outcomes[1], Imported::Created);
    assert_eq!(code(&outcomes[0]), ("email", Some("email")));
    assert_eq!(code(&outcomes[2]), ("weak_password", Some("password")));
    assert_eq!(code(&outcomes[3]), ("line", Some("addresses[0].city")));
    assert_eq!(town.list::<String>(sql::EMAILS).await, ["ada@example.com"]);
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_nothing() {
    let town = Town::start().await;
    import(&town, vec![new_user("ada@example.com")]).await;
    let users = vec![new_user("ADA@example.com"), new_user("bea@example.com"), new_user("x")];
    let dry = ImportUsers { users: users.clone(), dry_run: true };
    let said = town.house.import_users(&town.system(), dry).await.expect("checked");
    assert_eq!(town.list::<i64>(sql::USERS).await, [1]);
    assert_eq!(said, import(&town, users).await);
}

#[tokio::test]
async fn a_row_met_twice_changes_the_account_of_the_first() {
    let town = Town::start().await;
    let renamed = NewUser { name: "Ada King".to_owned(), ..new_user("Ada@example.com") };
    let rows = vec![new_user("ada@example.com"), new_user("ada@example.com"), renamed];
    let outcomes = import(&town, rows).await;
    assert_eq!(outcomes, [Imported::Created, Imported::Unchanged, Imported::Updated]);
    assert_eq!(town.events().await, ["user.registered"]);
}

#[tokio::test]
async fn an_import_neither_grants_nor_takes_a_role() {
    let town = Town::start().await;
    town.create("root@example.com", Role::Administrator).await;
    let outcomes = import(&town, vec![new_user("root@example.com")]).await;
    assert_eq!(code(&outcomes[0]), ("role_differs", Some("role")));
}

#[tokio::test]
async fn an_imported_password_logs_in_and_never_replaces_another() {
    let town = Town::start().await;
    let with =
        |password: &str| NewUser { password: Some(Secret::new(password)), ..new_user("ada@example.com") };
    assert_eq!(import(&town, vec![with(PASSWORD)]).await, [Imported::Created]);
    assert_eq!(import(&town, vec![with("three grey cormorants")]).await, [Imported::Unchanged]);
    let login = town.house.log_in(&town.anonymous(), credentials("ada@example.com", PASSWORD)).await;
    let ada = login.expect("logged in").user;
    assert_eq!(town.house.get_user(&town.of(&ada), UserRef { user: ada.id }).await, Ok(ada));
}

#[tokio::test]
async fn too_many_rows_are_refused_as_a_whole() {
    let town = Town::start().await;
    let users = vec![new_user("ada@example.com"); 1001];
    let refused = town.house.import_users(&town.system(), ImportUsers { users, dry_run: true }).await;
    assert_eq!(refused.expect_err("refused").violations()[0].field, "users");
}
