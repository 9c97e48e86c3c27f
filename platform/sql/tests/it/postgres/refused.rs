//! What keeps Shoal out is told in one clear error, without the password.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use shoal_servers::{Options as Wanted, Postgres};
use shoal_sql::{Database, Error, Source};

use super::{database, options, pond, start, timed};

#[tokio::test]
async fn who_is_kept_out_is_told_why() {
    let Some(mut server) = start(Wanted::default()) else { return };
    let url = database(&server);
    drop(pond(&url, 1).await);

    let wrong = url.replace(server.password(), "tr0ut%20secret");
    let refused = refusal(&server, &wrong).await;
    assert!(matches!(&refused, Error::Denied { detail } if detail.contains("password")), "{refused:?}");
    let without = url.replace(&format!(":{}@", server.password()), "@");
    let refused = refusal(&server, &without).await;
    assert!(matches!(&refused, Error::Denied { detail } if detail.contains("password")), "{refused:?}");
    let nobody = url.replace("shoal:", "nobody:");
    let refused = refusal(&server, &nobody).await;
    assert!(matches!(&refused, Error::Denied { .. }), "{refused:?}");

    let nowhere = server.url("nowhere");
    let refused = refusal(&server, &nowhere).await;
    assert_eq!(refused, Error::NoDatabase { name: "nowhere".to_owned() });

    let keep_out = "create role guest login password 'trout' connection limit 0";
    server.query("postgres", keep_out).expect("made");
    let guest = url.replace(&format!("shoal:{}@", server.password()), "guest:trout@");
    let refused = refusal(&server, &guest).await;
    assert!(matches!(&refused, Error::Unavailable { detail } if detail.contains("too many")), "{refused:?}");

    server.stop().expect("it stops");
    let refused = refusal(&server, &url).await;
    let place = format!("127.0.0.1:{}", server.port());
    assert!(matches!(&refused, Error::Unavailable { detail } if detail.contains(&place)), "{refused:?}");
}

#[tokio::test]
async fn what_is_no_database_is_told_from_one() {
    let web = listener(Some("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
    let closes = listener(Some(""));
    let silent = listener(None);
    for (port, mode) in [(web, "disable"), (closes, "disable"), (silent, "disable")] {
        let url = format!("postgres://ann:trout@127.0.0.1:{port}/shop?sslmode={mode}&connect_timeout=1");
        let (refused, took) = timed(Database::open(options(&url))).await;
        let refused = refused.expect_err("it is no database");
        let place = format!("127.0.0.1:{port}");
        assert!(matches!(&refused, Error::Unavailable { detail } if detail.contains(&place)), "{refused:?}");
        assert!(took < Duration::from_secs(5), "{took:?}");
        assert!(!format!("{refused} {refused:?}").contains("trout"));
    }
    let url = format!("postgres://ann:trout@127.0.0.1:{web}/shop?sslmode=verify-full&connect_timeout=1");
    let refused = Database::open(options(&url)).await.expect_err("it is no database");
    assert!(matches!(&refused, Error::Tls { .. } | Error::Unavailable { .. }), "{refused:?}");
    let url = "postgres://ann:trout@no-such-host.invalid/shop?sslmode=disable";
    let refused = Database::open(options(url)).await.expect_err("it is nowhere");
    assert!(
        matches!(&refused, Error::Unavailable { detail } if detail.contains("no-such-host")),
        "{refused:?}"
    );
}

/// Why it cannot be opened; no word of it, nor of the place, holds the password.
async fn refusal(server: &Postgres, url: &str) -> Error {
    let refused = Database::open(options(url)).await.expect_err("it is refused");
    let source = Source::parse(url).expect("a URL");
    let told = format!("{refused} {refused:?} {source} {source:?}");
    for secret in [server.password(), "tr0ut", "trout"] {
        assert!(!told.contains(secret), "{told}");
    }
    refused
}

/// Somebody who takes connections and says this, or nothing for ever, to whatever is asked.
fn listener(says: Option<&'static str>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for connection in listener.incoming() {
            let Ok(mut connection) = connection else { return };
            let mut asked = [0; 256];
            let _ = connection.read(&mut asked);
            match says {
                Some(says) => drop(connection.write_all(says.as_bytes())),
                None => silent.push(connection),
            }
        }
    });
    port
}
