use std::sync::Arc;

use serde_json::Value;
use shoal_gateway::{EmbeddedMedia, MediaFolder, Options};

use crate::shop::{Shop, env};

#[tokio::test]
async fn the_documentation_needs_no_other_server() {
    let api = Shop::new().open();
    let page = api.get("/docs").await;
    assert_eq!(page.says(), "200");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
    let text = page.text();
    for outside in ["http://", "https://", "<script>", "<style", "style=", "onclick"] {
        assert!(!text.contains(outside), "the page holds {outside}");
    }
    for part in text.split('"').filter(|part| part.starts_with("/docs/")) {
        assert_eq!(api.get(part).await.says(), "200", "{part}");
    }
    assert_eq!(api.get("/openapi.json").await.json()["openapi"], "3.1.0");
}

#[tokio::test]
async fn documentation_can_be_off() {
    let api = Shop::new().open_with(Options { docs: false, ..Options::new(env()) });
    assert_eq!(api.get("/docs").await.says(), "404 route_not_found");
    assert_eq!(api.get("/openapi.json").await.says(), "404 route_not_found");
    assert_eq!(api.get("/").await.json()["name"], "shoal");
}

#[tokio::test]
async fn browsers_are_shown_the_documentation() {
    let api = Shop::new().open();
    let answer = api.send("GET /", &[("accept", "text/html,*/*")], Value::Null).await;
    assert_eq!((answer.says(), answer.header("location")), ("303".into(), Some("/docs")));
    assert_eq!(api.get("/favicon.ico").await.says(), "204");
}

#[tokio::test]
async fn each_error_code_has_a_page() {
    let api = Shop::new().open();
    let page = api.get("/errors/stock_too_low").await;
    assert!(page.text().contains("There is less stock than was asked for."), "{}", page.text());
    assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")));
    assert_eq!(api.get("/errors/no_such_code").await.says(), "404 not_found");
    assert!(api.get("/errors").await.text().contains("/errors/idempotency_key_missing"));
}

#[tokio::test]
async fn media_are_files_of_one_folder() {
    let folder = std::env::temp_dir().join(format!("shoal-media-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("inner")).expect("a folder");
    std::fs::write(folder.join("mug.svg"), "<svg/>").expect("a file");
    std::fs::write(folder.join("inner/cup.svg"), "<svg/>").expect("a file");
    std::fs::write(folder.join("notes.txt"), "mine").expect("a file");
    let media = Arc::new(MediaFolder::new(folder.join("inner/..")));
    let api = Shop::new().open_with(Options { media: Some(media), ..Options::new(env()) });

    let mug = api.get("/media/mug.svg").await;
    assert_eq!((mug.text().as_str(), mug.header("content-type")), ("<svg/>", Some("image/svg+xml")));
    let tag = mug.header("etag").expect("an ETag");
    let again = api.send("GET /media/mug.svg", &[("if-none-match", tag)], Value::Null).await;
    assert_eq!(again.says(), "304");
    for name in ["cup.svg", "notes.txt", "inner%2Fcup.svg", "..%2Fmug.svg", "%2e%2e%2fmug.svg", "inner", ".."]
    {
        assert_eq!(api.get(&format!("/media/{name}")).await.says(), "404 not_found", "{name}");
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn media_may_be_part_of_the_program() {
    let media = EmbeddedMedia::new([("mug.svg", &b"<svg/>"[..]), ("mug.html", b"<p>")]);
    let api = Shop::new().open_with(Options { media: Some(Arc::new(media)), ..Options::new(env()) });
    assert_eq!(api.get("/media/mug.svg").await.says(), "200");
    assert_eq!(api.get("/media/mug.html").await.says(), "404 not_found");
    assert_eq!(Shop::new().open().get("/media/mug.svg").await.says(), "404 not_found");
}

#[tokio::test]
async fn health_is_told() {
    let options = Options::new(env());
    let health = options.health.clone();
    let api = Shop::new().open_with(options);
    assert_eq!(
        (api.get("/healthz").await.says(), api.get("/readyz").await.says()),
        ("200".into(), "503".into())
    );
    health.ready();
    assert_eq!(api.get("/readyz").await.says(), "200");
}
