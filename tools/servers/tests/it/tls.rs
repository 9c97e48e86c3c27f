use std::path::Path;
use std::process::{Command, Stdio};

use shoal_servers::{Options, Tls};

use crate::{ask, installed, refusal, start};

/// A certificate for 127.0.0.1 that is its own root; `None`, which is said, where no program makes one.
fn certificate(folder: &Path) -> Option<Tls> {
    let (certificate, key) = (folder.join("it.crt"), folder.join("it.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]);
    openssl
        .args(["-addext", "subjectAltName=IP:127.0.0.1", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate);
    openssl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !openssl.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: openssl is missing or too old");
        return None;
    }
    Some(Tls { ca: certificate.clone(), certificate, key })
}

#[test]
fn a_server_with_a_certificate_takes_nothing_in_the_clear() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(tls) = installed().then(|| certificate(folder.path())).flatten() else { return };
    let root = tls.ca.display().to_string();
    let Some(server) = start(Options { tls: Some(tls), ..Options::default() }) else { return };

    let verified = format!("postgres?sslmode=verify-full&sslrootcert={root}");
    let encrypted = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    assert_eq!(server.query(&verified, encrypted).expect("it is who it says"), "t");
    assert!(refusal(&server, "postgres?sslmode=disable", "select 1").contains("no encryption"));

    let replica = server.replica().expect("it is copied over TLS");
    assert_eq!(ask(&replica, "select pg_is_in_recovery()"), "t");
}
