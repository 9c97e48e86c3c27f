use std::process::{Command, Output};

use shoal_sql::testing::Place;
use shoal_types::Env;

pub(crate) fn shoal(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shoal"));
    command.args(arguments).envs(environment.iter().copied());
    command.output().expect("the binary runs")
}

/// Where there is no data yet, on the engine under test.
async fn nothing() -> Place {
    Place::migrated(&[], &Env::system()).await.expect("a place")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_configuration_is_shown_with_its_sources_and_without_secrets() {
    let environment = [("SHOAL_CHECKOUT_WEBHOOK_SECRET", "hush"), ("SHOAL_CURRENCY", "GBP")];
    let output = shoal(&["config", "show", "--json"], &environment);
    assert!(output.status.success(), "{}", stderr(&output));
    let settings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let setting =
        |key: &str| settings.iter().find(|setting| setting["key"] == key).expect("the key is shown");
    assert_eq!(setting("currency")["value"], "\"GBP\"");
    assert_eq!(setting("currency")["source"], "SHOAL_CURRENCY");
    assert_eq!(setting("http.listen")["source"], "default");
    assert_eq!(setting("checkout.webhook_secret")["value"], "***");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hush"));
}

#[test]
fn an_unknown_key_is_named_and_nothing_starts() {
    let output = shoal(&["serve"], &[("SHOAL_HTTP_LISTN", "127.0.0.1:0")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("SHOAL_HTTP_LISTN is no key of Shoal"), "{}", stderr(&output));
}

#[tokio::test]
async fn a_taken_port_is_one_clear_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let place = nothing().await;
    let output = shoal(&["serve", "--data", place.address(), "--listen", &address, "--log", "error"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.starts_with("error: http.listen: ") && text.contains(&address), "{text}");
}

#[tokio::test]
async fn a_service_that_is_nowhere_is_named() {
    let place = nothing().await;
    let output = shoal(&["serve", "--data", place.address(), "--roles", "orders", "--log", "error"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("orders needs products"), "{}", stderr(&output));
}

#[tokio::test]
async fn the_first_administrator_gets_a_password_that_opens_a_session() {
    let place = nothing().await;
    let create = ["admin", "create", "ada@example.com", "--data", place.address(), "--log", "error"];
    let made = shoal(&create, &[]);
    assert!(made.status.success(), "{}", stderr(&made));
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim().len(), 20);
    let again = shoal(&create, &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("an account with this e-mail exists already"));
}

#[tokio::test]
async fn migrating_twice_is_as_migrating_once() {
    let place = nothing().await;
    for _ in 0..2 {
        let output = shoal(&["migrate", "--data", place.address(), "--log", "error"], &[]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains("is at this version's schema"), "{}", stderr(&output));
    }
    if let Some(directory) = place.source().directory() {
        assert!(directory.join("orders.db").exists());
    }
}

#[test]
fn the_api_description_is_openapi() {
    let output = shoal(&["openapi"], &[]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    assert!(document["paths"]["/v1/checkouts"]["post"].is_object());
}
