//! A start that cannot be: a sentence that says why, and exit code 1.

use shoal_testkit::{Branch, run};
use tempfile::TempDir;

/// Fails, in one sentence that holds all of `words`, without a panic.
fn refused(arguments: &[&str], words: &[&str]) {
    let (_, said, ended) = run(arguments);
    assert_eq!(ended.code(), Some(1), "{arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{arguments:?} does not say {word}: {said}");
    }
    assert!(!said.contains("panicked") && !said.contains("stack backtrace"), "{said}");
}

#[tokio::test]
async fn a_second_process_on_the_same_files_is_refused() {
    let folder = TempDir::new().expect("a temporary folder");
    let data = folder.path().to_str().expect("a plain name");
    let branch = Branch::at(data).await;
    refused(&["serve", "--listen", "127.0.0.1:0", "--data", data], &["error:", data]);
    branch.guest().get("/v1/products").await.expect(200);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let branch = Branch::start().await;
    let (folder, address) = (TempDir::new().expect("a temporary folder"), branch.guest().address());
    let data = folder.path().to_str().expect("a plain name");
    refused(&["serve", "--listen", &address, "--data", data], &[&address, "another program"]);
}

#[test]
fn a_data_directory_that_is_a_file_is_a_clear_error() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("data");
    std::fs::write(&file, "not a folder").expect("the folder can be written");
    let file = file.to_str().expect("a plain name");
    refused(&["serve", "--listen", "127.0.0.1:0", "--data", file], &["error:", file]);
}

#[test]
fn an_unknown_key_of_the_configuration_is_named() {
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("shoal.toml");
    std::fs::write(&file, "[http]\nlisten_on = \"127.0.0.1:0\"\n").expect("the folder can be written");
    let file = file.to_str().expect("a plain name");
    refused(&["serve", "--config", file], &["listen_on"]);
}

#[tokio::test]
async fn a_node_told_to_end_finishes_and_ends_with_success() {
    let mut branch = Branch::start().await;
    let mug = branch.staff().await.product("mug").stock(1).create().await;
    let sent = tokio::spawn(branch.guest().buy(&[(&mug, 1)]).card("tok_slow").send());
    let books = shoal_testkit::Books::open(branch.data());
    shoal_testkit::eventually("the checkout is under way", async || books.sagas_under_way() == 1).await;
    let ended = branch.process.terminate().await;
    assert!(ended.success(), "{ended}");
    let answer = sent.await.expect("no panic").expect("what was under way is answered");
    assert_eq!(answer.status, 201, "{answer}");
    assert_eq!(branch.audit(std::time::Duration::from_secs(5)).await.orders(), 1);
}
