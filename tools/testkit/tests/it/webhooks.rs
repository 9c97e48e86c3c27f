//! A node that sends a webhook is killed before it can note that it did.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use shoal_testkit::{Process, place, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// A request may take two seconds, its note fifteen more; then it is another's to send.
const CONFIGURATION: &str = r#"
[webhooks]
allow_http = true
allow_networks = ["127.0.0.0/8"]
timeout = "2s"
"#;
const ADMINISTRATOR: &str = "admin@example.com";
const PATIENCE: Duration = Duration::from_secs(90);

/// The headers and the body of the next request, whose connection waits for an answer.
async fn next(listener: &TcpListener) -> (TcpStream, HashMap<String, String>, String) {
    let (mut stream, _) = timeout(PATIENCE, listener.accept()).await.expect("in time").expect("accepted");
    let mut text = String::new();
    loop {
        let mut some = [0; 4_096];
        let count = stream.read(&mut some).await.expect("read");
        text.push_str(std::str::from_utf8(&some[..count]).expect("text"));
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let headers: HashMap<String, String> = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers["content-length"].parse().expect("a number");
        if body.len() >= length {
            let body = body.to_owned();
            return (stream, headers, body);
        }
    }
}

#[tokio::test]
async fn what_was_sent_and_not_noted_is_sent_again_under_its_id() {
    let place = place().await;
    let data = place.address();
    let (password, said, ended) = run(&["admin", "create", ADMINISTRATOR, "--data", data]);
    assert!(ended.success(), "{said}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), CONFIGURATION).expect("written");
    let config = file.path().to_str().expect("a path in UTF-8");
    let mut node = Process::serve(&["--data", data, "--config", config]).await;
    node.send_webhooks();
    node.kill_9();
    node.start().await;
    let staff = node.guest().log_in(ADMINISTRATOR, password.trim()).await;

    let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/hooks", receiver.local_addr().expect("an address"));
    let made = staff.post("/v1/webhook-endpoints", &json!({"url": url, "events": ["*"]})).await.expect(201);
    let endpoint = format!("/v1/webhook-endpoints/{}", made.text("/endpoint/id"));
    let tested = staff.post(format!("{endpoint}/test"), &json!({})).await.expect(202);

    let (_unanswered, first, body) = next(&receiver).await;
    node.kill_9();
    node.start().await;
    let (mut answered, second, again) = next(&receiver).await;
    answered.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.expect("answered");
    assert_eq!((&second["webhook-id"], &again), (&first["webhook-id"], &body));
    assert_eq!(first["webhook-id"], tested.text("/event"));

    let delivery = format!("{endpoint}/deliveries/{}", tested.text("/id"));
    let delivered = async {
        loop {
            let log = staff.get(&delivery).await.expect(200);
            if log.at("/delivery/state") == "delivered" {
                return log.at("/delivery/attempts").clone();
            }
            tokio::task::yield_now().await;
        }
    };
    // The attempt that was cut off was never noted.
    assert_eq!(timeout(PATIENCE, delivered).await.expect("in time"), json!(1));
}
