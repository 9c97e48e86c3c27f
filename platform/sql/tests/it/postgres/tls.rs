//! Encrypted connections: who is not who he says is not spoken to.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use shoal_servers::{Options as Wanted, Tls};
use shoal_sql::{Database, Error};

use super::{SOON, ask, database, feed, options, pond, start, weigh, within};

/// Who signs certificates.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed")
}

/// Files with a certificate for `host`, and the root it is to be checked by.
fn certificate(folder: &Path, by: &Authority, host: &str, expired: bool) -> Tls {
    let mut params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
    if expired {
        (params.not_before, params.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    }
    let key = KeyPair::generate().expect("a key");
    let certificate = params.signed_by(&key, by).expect("signed");
    let file = |what: &str, text: &str| -> PathBuf {
        let path = folder.join(format!("{host}-{expired}.{what}"));
        std::fs::write(&path, text).expect("written");
        path
    };
    Tls {
        certificate: file("crt", &certificate.pem()),
        key: file("key", &key.serialize_pem()),
        ca: file("ca", &by.pem()),
    }
}

/// Why it cannot be opened.
async fn refusal(url: &str) -> String {
    match Database::open(options(url)).await {
        Err(Error::Tls { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_a_server_with_a_good_certificate_is_spoken_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, others) = (authority("ours"), authority("others"));
    let good = certificate(folder.path(), &ours, "127.0.0.1", false);
    let (root, clients) = (good.ca.clone(), certificate(folder.path(), &ours, "shoal", false));
    let wrong = certificate(folder.path(), &others, "localhost", false).ca;
    let wanted = Wanted { tls: Some(good), ..Wanted::default() };
    let Some(server) = start(wanted.setting("log_connections", "on")) else { return };
    let plain = database(&server);
    let url = |rest: &str| format!("{plain}?{rest}");
    let with = |root: &Path| url(&format!("sslmode=verify-full&sslrootcert={}", root.display()));

    let db = pond(&with(&root), 1).await;
    assert_eq!((feed(&db, &within(SOON), 1).await, weigh(&db, 1).await), (Ok(1), 1));
    let encrypted = "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid)
        where application_name = 'shoal-pond'";
    assert_eq!(ask(&server, &plain, encrypted), "t");
    drop(db);

    assert!(refusal(&with(&wrong)).await.contains("signed by nobody"));
    assert!(
        refusal(&url("sslmode=verify-full")).await.contains("signed by nobody"),
        "not by this system either"
    );
    let elsewhere = with(&root).replace("@127.0.0.1:", "@localhost:");
    let told = refusal(&elsewhere).await;
    assert!(
        told.contains("another host") && told.contains("localhost") && told.contains("127.0.0.1"),
        "{told}"
    );
    let missing = folder.path().join("missing.crt");
    assert!(refusal(&with(&missing)).await.contains("missing.crt"));
    let no_certificate = folder.path().join("127.0.0.1-false.key");
    assert!(refusal(&with(&no_certificate)).await.contains("no certificate"));
    let plainly = Database::open(options(&url("sslmode=disable"))).await.err();
    assert!(
        matches!(&plainly, Some(Error::Denied { detail }) if detail.contains("no encryption")),
        "{plainly:?}"
    );

    // Whoever has a certificate of his own may show it, if it is good.
    let shown = |own: &Tls| {
        let (certificate, key) = (own.certificate.display(), own.key.display());
        format!("{}&sslcert={certificate}&sslkey={key}", with(&root))
    };
    let db = super::open(&shown(&clients)).await;
    let known = "select count(*) > 0 from pg_stat_ssl where client_dn is not null";
    assert_eq!((weigh(&db, 1).await, ask(&server, &plain, known)), (1, "t".to_owned()));
    let stranger = certificate(folder.path(), &others, "stranger", false);
    let told = refusal(&shown(&stranger)).await;
    assert!(told.contains("sslcert"), "{told}");
}

#[tokio::test]
async fn an_expired_certificate_and_a_plain_server_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = authority("ours");
    let expired = certificate(folder.path(), &ours, "127.0.0.1", true);
    let root = expired.ca.clone();
    let Some(server) = start(Wanted { tls: Some(expired), ..Wanted::default() }) else { return };
    let with = |url: &str| format!("{url}?sslmode=verify-full&sslrootcert={}", root.display());
    let told = refusal(&with(&server.url("postgres"))).await;
    assert!(told.contains("has expired"), "{told}");
    drop(server);

    let Some(server) = start(Wanted::default()) else { return };
    let told = refusal(&with(&server.url("postgres"))).await;
    assert!(told.contains("no encrypted connections"), "{told}");
}
