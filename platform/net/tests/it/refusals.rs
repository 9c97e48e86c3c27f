//! Each refusal as a client sees it.

use axum::body::Body;
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::api::{app, get_text, post_json, request, send};

async fn posted(body: &str) -> String {
    post_json(&app(), "/catches", body.to_owned()).await.text()
}

#[tokio::test]
async fn a_good_body_passes() {
    assert_snapshot!(posted(r#"{"pond":"mill","lines":[{"quantity":2}]}"#).await, @r#"201 {"pond":"mill","lines":[{"quantity":2,"note":""}]}"#);
}

#[tokio::test]
async fn a_broken_body_is_refused_with_its_position() {
    assert_snapshot!(posted("{\"pond\":\n  mill}").await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 2, column 3: expected value","request_id":"r1","column":3,"line":2,"reason":"expected value"}"#);
    assert_snapshot!(posted(r#"{"pond":"mi"#).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 11: it ends too early","request_id":"r1","column":11,"line":1,"reason":"it ends too early"}"#);
    assert_snapshot!(posted("").await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 0: it ends too early","request_id":"r1","column":0,"line":1,"reason":"it ends too early"}"#);
    assert_snapshot!(posted(r#"{"pond":"mill"} {}"#).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 17: trailing characters","request_id":"r1","column":17,"line":1,"reason":"trailing characters"}"#);
    assert_snapshot!(posted(r#"{"pond":"mill","lines":[{"quantity":1e999}]}"#).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 41: number out of range","request_id":"r1","column":41,"line":1,"reason":"number out of range"}"#);
    assert_snapshot!(posted(r#"{"pond":"\ud800"}"#).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 16: unexpected end of hex escape","request_id":"r1","column":16,"line":1,"reason":"unexpected end of hex escape"}"#);
}

#[tokio::test]
async fn a_key_that_comes_twice_is_refused() {
    assert_snapshot!(posted(r#"{"pond":"mill","lines":[{"quantity":1},{"quantity":1,"x":{"quantity":1,"quantity":2}}]}"#).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 84: the key lines[1].x.quantity comes twice","request_id":"r1","column":84,"line":1,"reason":"the key lines[1].x.quantity comes twice"}"#);
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    assert_snapshot!(posted(&format!("{}{}", "[".repeat(33), "]".repeat(33))).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 34: nested deeper than 32 levels","request_id":"r1","column":34,"line":1,"reason":"nested deeper than 32 levels"}"#);
    assert_snapshot!(posted(&"[".repeat(100_000)).await, @r#"400 {"type":"/errors/malformed_body","title":"Malformed body","status":400,"code":"malformed_body","detail":"the body is not valid JSON at line 1, column 33: nested deeper than 32 levels","request_id":"r1","column":33,"line":1,"reason":"nested deeper than 32 levels"}"#);
}

#[tokio::test]
async fn unknown_fields_are_named_with_their_path() {
    assert_snapshot!(posted(r#"{"pond":"mill","colour":"red","lines":[{"quantity":1},{"quantity":1,"size":{"cm":1}}]}"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"colour","rule":"unknown_field","message":"there is no such field"},{"field":"lines[1].size","rule":"unknown_field","message":"there is no such field"}]}"#);
}

#[tokio::test]
async fn wrong_types_are_named_with_their_path() {
    assert_snapshot!(posted(r#"{"pond":"mill","lines":[{"quantity":1},{"quantity":"two"}]}"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"lines[1].quantity","rule":"type","message":"invalid type: string \"two\", expected a whole number"}]}"#);
    assert_snapshot!(posted(r#"{"pond":"mill","lines":[{"quantity":-1}]}"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"lines[0].quantity","rule":"range","message":"invalid value: integer `-1`, expected a whole number within the range of this field"}]}"#);
    assert_snapshot!(posted(r#"{"lines":[]}"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"pond","rule":"required","message":"this field is required"}]}"#);
    assert_snapshot!(posted(r#"[]"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"$","rule":"type","message":"invalid type: array, expected an object"}]}"#);
    assert!(
        posted(r#"{"pond":"mill","lines":[[1,"x"]]}"#).await.contains(r#""field":"lines[0]","rule":"type""#)
    );
    assert_snapshot!(posted(r#"null"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"$","rule":"type","message":"invalid type: null, expected an object"}]}"#);
}

#[tokio::test]
async fn broken_rules_are_named_with_their_path() {
    assert_snapshot!(posted(r#"{"pond":"millpond","lines":[{"quantity":0},{"quantity":101,"note":"odd"}]}"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"lines[0].quantity","rule":"too_small","message":"must be at least 1"},{"field":"lines[1].note","rule":"odd","message":"must have an even length"},{"field":"lines[1].quantity","rule":"too_large","message":"must be at most 100"},{"field":"pond","rule":"too_long","message":"must have a length of at most 5"}]}"#);
    assert_snapshot!(posted(r#"{"pond":"a\u0000b"}"#).await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"pond","rule":"nul","message":"must not contain the character NUL"}]}"#);
}

#[tokio::test]
async fn only_json_is_read() {
    let app = app();
    let bare = request("POST /catches").body(Body::from("{}")).expect("a request");
    assert_snapshot!(send(&app, bare).await.text(), @r#"415 {"type":"/errors/unsupported_media_type","title":"Unsupported media type","status":415,"code":"unsupported_media_type","detail":"send the body as JSON with Content-Type: application/json","request_id":"r1"}"#);
    let form = request("POST /catches")
        .header("content-type", "text/json")
        .body(Body::from("{}"))
        .expect("a request");
    assert_eq!(send(&app, form).await.status, 415);
    for content_type in
        ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
    {
        let request = request("POST /catches").header("content-type", content_type);
        let answer = send(&app, request.body(Body::from(r#"{"pond":"mill"}"#)).expect("a request")).await;
        assert_eq!(answer.status, 201, "{content_type}");
    }
}

#[tokio::test]
async fn the_query_is_read_as_strictly_as_a_body() {
    let app = app();
    assert_snapshot!(get_text(&app, "/fish?limit=5&text=a%20b").await, @r#"200 Some(5) Some("a b")"#);
    assert_snapshot!(get_text(&app, "/fish?limit=5&colour=red").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"colour","rule":"unknown_field","message":"there is no such field"}]}"#);
    assert_snapshot!(get_text(&app, "/fish?limit=5&limit=6").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"limit","rule":"repeated","message":"this parameter may come only once"}]}"#);
    assert_snapshot!(get_text(&app, "/fish?limit=many").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"limit","rule":"type","message":"expected a whole number"}]}"#);
    assert_snapshot!(get_text(&app, "/fish?limit=99999999999").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"limit","rule":"range","message":"the number is too large"}]}"#);
    assert_snapshot!(get_text(&app, "/fish?limit=0").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"limit","rule":"too_small","message":"must be at least 1"}]}"#);
    assert_snapshot!(get_text(&app, "/fish?text=%ff").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"text","rule":"utf8","message":"must be percent-encoded UTF-8 without the character NUL"}]}"#);
    assert_snapshot!(get_text(&app, "/fish?text=%00").await, @r#"422 {"type":"/errors/invalid_request","title":"Invalid request","status":422,"code":"invalid_request","detail":"the request has unacceptable values","request_id":"r1","violations":[{"field":"text","rule":"utf8","message":"must be percent-encoded UTF-8 without the character NUL"}]}"#);
}

#[tokio::test]
async fn an_id_that_cannot_be_is_not_found() {
    let app = app();
    assert_snapshot!(get_text(&app, "/fish/bird_1").await, @r#"404 {"type":"/errors/not_found","title":"Not found","status":404,"code":"not_found","detail":"there is no such thing","request_id":"r1"}"#);
    assert_snapshot!(get_text(&app, "/fish/%ff").await, @r#"404 {"type":"/errors/not_found","title":"Not found","status":404,"code":"not_found","detail":"there is no such thing","request_id":"r1"}"#);
    assert_snapshot!(get_text(&app, "/fish/fish_01h455vb4pex5vsknk084sn02q").await, @"200 fish_01h455vb4pex5vsknk084sn02q");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let app = app();
    assert_snapshot!(get_text(&app, "/nowhere").await, @r#"404 {"type":"/errors/route_not_found","title":"Route not found","status":404,"code":"route_not_found","detail":"there is no such path","request_id":"r1"}"#);
    let wrong = send(&app, request("DELETE /fish").body(Body::empty()).expect("a request")).await;
    assert_snapshot!(wrong.text(), @r#"405 {"type":"/errors/method_not_allowed","title":"Method not allowed","status":405,"code":"method_not_allowed","detail":"this path does not take this method","request_id":"r1"}"#);
    assert_eq!(wrong.header("allow"), Some("GET,HEAD"));
    assert_eq!(wrong.header("content-type"), Some("application/problem+json"));
    assert_snapshot!(get_text(&app, &format!("/fish?text={}", "x".repeat(9_000))).await, @r#"414 {"type":"/errors/uri_too_long","title":"Uri too long","status":414,"code":"uri_too_long","detail":"path and query are longer than 8 KiB","request_id":"r1"}"#);
    assert_snapshot!(get_text(&app, "/plain-error").await, @r#"400 {"type":"/errors/malformed_request","title":"Malformed request","status":400,"code":"malformed_request","detail":"the request could not be read","request_id":"r1"}"#);
}

#[tokio::test]
async fn idempotency_keys_are_checked() {
    let app = app();
    let sent = async |key: Option<&str>| {
        let mut request = request("POST /catches/keyed").header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        send(&app, request.body(Body::from(r#"{"pond":"mill"}"#)).expect("a request")).await.text()
    };
    assert_snapshot!(sent(None).await, @r#"400 {"type":"/errors/idempotency_key_missing","title":"Idempotency key missing","status":400,"code":"idempotency_key_missing","detail":"send an Idempotency-Key header","request_id":"r1"}"#);
    assert_snapshot!(sent(Some("a b")).await, @r#"400 {"type":"/errors/idempotency_key_invalid","title":"Idempotency key invalid","status":400,"code":"idempotency_key_invalid","detail":"the Idempotency-Key must be one header of 1 to 255 visible ASCII characters","request_id":"r1"}"#);
    assert_snapshot!(sent(Some("k-1")).await, @"200 mill k-1 32");
    assert!(sent(Some(&"k".repeat(255))).await.starts_with("200"));
    assert!(sent(Some(&"k".repeat(256))).await.starts_with("400"));
}

#[tokio::test]
async fn a_version_must_be_one_strong_etag() {
    let app = app();
    let sent = async |etag: Option<&str>| {
        let mut request = request("PUT /fish/x");
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        send(&app, request.body(Body::empty()).expect("a request")).await.text()
    };
    assert_snapshot!(sent(None).await, @r#"428 {"type":"/errors/if_match_missing","title":"If match missing","status":428,"code":"if_match_missing","detail":"send the ETag you read as an If-Match header","request_id":"r1"}"#);
    assert_snapshot!(sent(Some("W/\"v7\"")).await, @r#"400 {"type":"/errors/if_match_invalid","title":"If match invalid","status":400,"code":"if_match_invalid","detail":"the If-Match header must hold one ETag as it was read, such as \"v7\"","request_id":"r1"}"#);
    assert_eq!(sent(Some("\"v7\"")).await, "200 7");
    for etag in ["*", "\"v7\", \"v8\"", "\"v+7\"", "\"v07\"", "v7", "\"v99999999999999999999\""] {
        assert!(sent(Some(etag)).await.starts_with("400"), "{etag}");
    }
}

#[tokio::test]
async fn an_error_of_a_service_shows_its_data() {
    assert_snapshot!(get_text(&app(), "/too-few").await, @r#"409 {"type":"/errors/too_few","title":"Too few","status":409,"code":"too_few","detail":"only 2 left","request_id":"r1","available":2}"#);
}

/// Bodies that look like what is wanted, more or less.
fn body() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"pond\"",
        "\"lines\"",
        "\"quantity\"",
        "\"note\"",
        "\"mill\"",
        "1",
        "-1",
        "1e9",
        "99999999999999999999",
        "null",
        "true",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\u{feff}",
        " ",
    ]);
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn no_body_and_no_query_is_the_servers_fault(body in body(), query in "[ -~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let app = app();
            let status = post_json(&app, "/catches", body).await.status;
            prop_assert!([201, 400, 422].contains(&status.as_u16()), "{status}");
            let query: String = query.chars().map(|c| if "\"<> #\\^`{|}".contains(c) { '%' } else { c }).collect();
            let asked = request(&format!("GET /fish?{query}")).body(Body::empty()).expect("a request");
            let status = send(&app, asked).await.status;
            prop_assert!([200, 422].contains(&status.as_u16()), "{status} {query}");
            Ok(())
        })?;
    }
}
