//! What is sent, judged by the official library of Standard Webhooks.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use shoal_contract::notifications::{Notifications as _, WebhookEndpointRef};
use shoal_types::{Clock as _, Secret, SystemClock};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::town;
use crate::receiver::{Received, Receiver};

/// Reads a request and a secret as JSON and says `verified`, or which error the library raised.
const JUDGE: &str = "
import json, sys
from standardwebhooks.webhooks import Webhook
request = json.load(sys.stdin)
try:
    Webhook(request['secret']).verify(request['body'], request['headers'])
    print('verified')
except Exception as error:
    print(type(error).__name__, error)
";

/// Python with the library: where `cargo xtask test` puts it, or the one that a variable names.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("SHOAL_TEST_PYTHON").map(PathBuf::from);
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/receivers/bin/python");
    named.or(Some(made)).filter(|python| python.exists())
}

async fn judge(python: &Path, request: &Received, secret: &Secret) -> String {
    let mut process = Command::new(python)
        .args(["-c", JUDGE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let input = json!({"secret": secret.expose(), "body": request.body, "headers": request.headers});
    let mut stdin = process.stdin.take().expect("piped");
    stdin.write_all(input.to_string().as_bytes()).await.expect("written");
    drop(stdin);
    let output = process.wait_with_output().await.expect("it ends");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn the_official_library_believes_what_is_sent_and_nothing_else() {
    let Some(python) = python() else {
        println!("skipped: the library is not there; `cargo xtask test` installs it");
        return;
    };
    let (town, receiver) = (town().await, Receiver::start().await);
    // The library believes what was signed within five minutes.
    town.clock.advance(SystemClock.now().since(town.env.now()));
    let old = town.endpoint(&receiver).await;
    town.order_placed().await;
    town.send_due().await;
    let endpoint = WebhookEndpointRef { endpoint: old.endpoint.id };
    let new = town.house.rotate_webhook_secret(&town.staff(), endpoint).await.expect("rotated");
    town.order_placed().await;
    town.send_due().await;
    let [before, after] = &receiver.received()[..] else { panic!("two requests") };
    assert_eq!(judge(&python, before, &old.secret).await, "verified");
    assert_eq!(judge(&python, after, &old.secret).await, "verified");
    assert_eq!(judge(&python, after, &new.secret).await, "verified");
    let refused = "WebhookVerificationError No matching signature found";
    assert_eq!(judge(&python, before, &new.secret).await, refused);
    let forged = Received { body: before.body.replace("1999", "1"), ..before.clone() };
    assert_eq!(judge(&python, &forged, &old.secret).await, refused);
}
