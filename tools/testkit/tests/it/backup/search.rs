use serde_json::json;
use shoal_testkit::{Branch, Client, eventually};
use tempfile::TempDir;

use super::{back_up, restore, text};

/// The titles that a search finds.
async fn found(guest: &Client, words: &str) -> Vec<String> {
    let answer = guest.get(format!("/v1/search?q={words}")).await.expect(200);
    let hits = answer.at("/hits");
    let hits = hits.as_array().expect("a list of hits");
    hits.iter().map(|hit| hit["product"]["title"].as_str().expect("a title").to_owned()).collect()
}

async fn finds(guest: &Client, words: &str, titles: &[&str]) {
    eventually(&format!("{words} finds {titles:?}"), async || found(guest, words).await == titles).await;
}

/// The index of the time after the backup is not taken for one of the time before.
#[tokio::test]
async fn after_a_restore_what_is_found_is_what_was_there() {
    let folder = TempDir::with_prefix("shoal-test-").expect("a temporary folder");
    let (data, backup) = (folder.path().join("data"), folder.path().join("backup"));
    let mut branch = Branch::at(text(&data)).await;
    let (guest, staff) = (branch.guest(), branch.staff().await);
    let teapot = staff.product("teapot").stock(1).create().await;
    finds(&guest, "teapot", &["teapot"]).await;
    back_up(&data, &backup);

    let renamed = json!({"title": "samovar", "variants": [{"sku": "TEAPOT", "stock": 1,
        "prices": [{"amount": 1999, "currency": "EUR"}], "weight_g": 100}]});
    staff.put(format!("/v1/products/{}", teapot.product), &renamed).await.expect(200);
    staff.product("kettle").stock(1).create().await;
    finds(&guest, "samovar", &["samovar"]).await;
    finds(&guest, "kettle", &["kettle"]).await;

    assert!(restore(&backup, &data, &["--replace"]).is_err_and(|said| said.contains("data_in_use")));
    assert!(branch.process.terminate().await.success());
    restore(&backup, &data, &["--replace"]).expect("nobody serves it any more");
    branch.process.start().await;
    finds(&guest, "teapot", &["teapot"]).await;
    assert_eq!(found(&guest, "samovar").await, [""; 0]);
    assert_eq!(found(&guest, "kettle").await, [""; 0]);
}
