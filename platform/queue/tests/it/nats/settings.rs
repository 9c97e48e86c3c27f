//! What an operator may have set wrong, and the errors that say so.

use std::fs;
use std::path::Path;
use std::time::Duration;

use shoal_queue::nats::{Place, Queue, QueueError, QueueOptions};
use shoal_servers::{NatsLogin, NatsOptions, Tls};
use shoal_types::Fact;

use super::{queue, server, server_with, servers};
use crate::pond::env;

async fn refusal(options: QueueOptions) -> QueueError {
    match Queue::connect(options, &env()).await {
        Ok(_) => panic!("it is refused"),
        Err(error) => error,
    }
}

/// A certificate for 127.0.0.1 that is its own root.
fn certificate(folder: &Path) -> Tls {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.join("it.crt"), folder.join("it.key"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    Tls { ca: certificate.clone(), certificate, key }
}

#[tokio::test]
async fn a_password_and_a_token_are_checked_and_never_told() {
    for login in [NatsLogin::Password, NatsLogin::Token] {
        let Some(server) = server_with(NatsOptions { login, ..NatsOptions::default() }) else { return };
        assert!(queue(&server.url()).await.is_connected());
        let port = server.port();
        for wrong in [format!("nats://shoal:hush@127.0.0.1:{port}"), format!("nats://127.0.0.1:{port}")] {
            let error = refusal(QueueOptions::new(servers(&wrong))).await;
            assert_eq!(error.code(), "queue_denied");
            assert!(!error.to_string().contains("hush") && !format!("{error:?}").contains("hush"));
        }
    }
}

#[tokio::test]
async fn a_safe_connection_needs_a_certificate_that_is_trusted() {
    let folder = tempfile::tempdir().expect("a folder");
    let (tls, login) = (certificate(folder.path()), NatsLogin::Password);
    let ca = tls.ca.clone();
    let Some(server) = server_with(NatsOptions { tls: Some(tls), login, ..NatsOptions::default() }) else {
        return;
    };
    let options = QueueOptions::new(servers(&server.url()));
    let trusting = QueueOptions { ca: Some(ca), ..options.clone() };
    assert!(Queue::connect(trusting.clone(), &env()).await.expect("trusted").is_connected());

    let other = tempfile::tempdir().expect("a folder");
    let stranger = QueueOptions { ca: Some(certificate(other.path()).ca), ..options.clone() };
    assert_eq!(refusal(stranger).await.code(), "queue_not_trusted");
    let missing = QueueOptions { ca: Some(other.path().join("nothing")), ..options };
    assert_eq!(refusal(missing).await.code(), "queue_file_unreadable");
    let rubbish = other.path().join("credentials");
    fs::write(&rubbish, "no credentials").expect("written");
    let unreadable = QueueOptions { credentials: Some(rubbish), ..trusting };
    assert_eq!(refusal(unreadable).await.code(), "queue_file_unreadable");
}

#[tokio::test]
async fn a_server_without_jetstream_and_too_many_replicas_are_named() {
    let without = NatsOptions { without_jetstream: true, ..NatsOptions::default() };
    let Some(server) = server_with(without) else { return };
    assert_eq!(refusal(QueueOptions::new(servers(&server.url()))).await.code(), "queue_without_jetstream");

    let Some(server) = super::server() else { return };
    let options = QueueOptions { replicas: 3, ..QueueOptions::new(servers(&server.url())) };
    assert_eq!(refusal(options).await, QueueError::TooFewServers { replicas: 3 });
}

#[tokio::test]
async fn a_stream_gets_new_settings_and_one_of_another_kind_is_named() {
    let Some(server) = server() else { return };
    let client = async_nats::connect(server.url()).await.expect("connects");
    let jetstream = async_nats::jetstream::new(client);
    let options = QueueOptions::new(servers(&server.url()));
    for hours in [24, 48] {
        let max_age = Duration::from_secs(hours * 60 * 60);
        Queue::connect(QueueOptions { max_age, ..options.clone() }, &env()).await.expect("connects");
        let stream = jetstream.get_stream("shoal-shop").await.expect("it is there");
        assert_eq!(stream.cached_info().config.max_age, max_age);
    }
    let config = async_nats::jetstream::stream::Config {
        name: "shoal-memory".to_owned(),
        subjects: vec!["shoal.memory.events.>".to_owned()],
        storage: async_nats::jetstream::stream::StorageType::Memory,
        ..Default::default()
    };
    jetstream.create_stream(config).await.expect("made");
    let error = refusal(QueueOptions { name: "memory".to_owned(), ..options.clone() }).await;
    assert_eq!(error.code(), "queue_stream_differs");
    assert_eq!(
        refusal(QueueOptions { name: "My shop".to_owned(), ..options }).await.code(),
        "queue_name_invalid"
    );
    assert!(Place::parse("kafka://a").is_err());
}
