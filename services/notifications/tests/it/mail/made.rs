use std::fs;
use std::time::Duration;

use serde_json::json;
use shoal_contract::events::kinds;
use shoal_contract::notifications::MailState;
use shoal_contract::users::UserId;
use shoal_notifications::{Encryption, MailOptions};
use shoal_types::Secret;

use super::sink::{Sink, Taken};
use super::{Post, eur, order, order_in, user};
use crate::town::mail_options;

/// A mail with this subject.
fn about<'t>(taken: &'t [Taken], subject: &str) -> &'t Taken {
    let found = taken.iter().find(|taken| taken.header("Subject") == subject);
    found.unwrap_or_else(|| {
        panic!("no {subject} among {:?}", taken.iter().map(|it| &it.headers).collect::<Vec<_>>())
    })
}

#[tokio::test]
async fn all_five_mails_are_made_and_taken() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    let ann: UserId = post.town.env.id();
    post.welcome().await;
    let expires_at = post.town.env.now().plus(std::time::Duration::from_secs(3_600));
    let asked =
        post.town.event(kinds::USER_PASSWORD_RESET_REQUESTED, ann, 1, json!({ "expires_at": expires_at }));
    post.town.hear(&[asked]).await;
    post.order(kinds::ORDER_PAID, json!({})).await;
    let fulfilment = "fulfilment_01h455vb4pex5vsknk084sn02q";
    post.order(kinds::ORDER_FULFILLED, json!({ "fulfilment": fulfilment })).await;
    post.order(kinds::ORDER_REFUNDED, json!({ "amount": eur(1_999) })).await;
    let taken = sink.take_all(5).await;
    post.all_are(MailState::Sent).await;

    taken.iter().for_each(is_well_made);
    confirms(about(&taken, "Your order S-ZN67-JAFZ at Fish & Sons"));
    let shipped = about(&taken, "Your order S-ZN67-JAFZ is on its way");
    assert!(shipped.plain.contains("a part of your order S-ZN67-JAFZ is on its way with Gull Post."));
    assert!(shipped.plain.contains("Tracking: GP-7 7") && shipped.plain.contains("2 x Mug"));
    assert!(!shipped.plain.contains("Möwe"), "what is not in the parcel is not on the list");
    let refunded = about(&taken, "Refund for your order S-ZN67-JAFZ");
    assert!(refunded.plain.contains("refunded €19.99") && refunded.plain.contains("€19.99 of €1,264.88"));
    let reset = about(&taken, "Choose a new password for Fish & Sons");
    assert!(
        reset.plain.contains("https://shop.example/password/new?token=shoal_reset_t0ken\n"),
        "{}",
        reset.plain
    );
    assert!(reset.plain.contains("within 60 minutes"), "{}", reset.plain);
    let welcome = about(&taken, "Welcome to Fish & Sons");
    assert_eq!(welcome.header("To"), "Ann <ann@example.com>");
    assert!(welcome.plain.contains("Hello Ann,") && welcome.plain.contains("https://shop.example/account"));
}

/// What holds for every mail.
fn is_well_made(mail: &Taken) {
    assert_eq!(mail.defects, [""; 0], "{:?}", mail.headers);
    assert_eq!(
        (mail.sender.as_str(), mail.to.as_slice()),
        ("shop@example.com", &["ann@example.com".to_owned()][..])
    );
    assert_eq!(mail.header("From"), "Fish & Sons <shop@example.com>");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("Reply-To"), "help@example.com");
    assert_eq!(
        (mail.kind.as_str(), mail.parts.join(",")),
        ("multipart/alternative", "text/plain,text/html".into())
    );
    assert!(mail.header("Date").ends_with("+0000") && mail.header("Message-ID").ends_with("@example.com>"));
    assert!(mail.longest <= 998, "a line of {} bytes", mail.longest);
    assert!(!mail.html.contains("<img") && !mail.html.contains("<script"), "nothing is fetched");
    assert!(mail.html.contains("prefers-color-scheme") && mail.html.contains("https://shop.example"));
    assert!(!mail.has("List-Unsubscribe"), "it is no list's");
}

fn confirms(confirmation: &Taken) {
    assert_eq!(confirmation.header("To"), "Jürgen Groß <ann@example.com>");
    for said in [
        "Hello Jürgen Groß,",
        "2 x Mug <b>\"Harbour\" & Sons</b> (Sand): €1,239.98",
        "1 x Plakat Möwe: €20.00",
        "Subtotal: €1,259.98",
        "Shipping: €4.90",
        "Total: €1,264.88",
        "Tax within the total: €201.95",
        "3 May 2026",
        "20457 Hamburg",
        "https://shop.example/orders/order_01h455vb4pex5vsknk084sn02q",
    ] {
        assert!(confirmation.plain.contains(said), "{said} in {}", confirmation.plain);
    }
    assert!(!confirmation.plain.contains("Discount"), "{}", confirmation.plain);
    assert!(confirmation.html.contains("Mug &lt;b&gt;") && !confirmation.html.contains("<b>"));
    assert!(confirmation.html.contains("€1,264.88") && confirmation.html.contains("Plakat Möwe"));
}

#[tokio::test]
async fn a_mail_server_is_spoken_to_by_tls_and_with_a_password() {
    let place = tempfile::tempdir().expect("a folder");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let settings =
        json!({ "certificate": certificate, "key": key, "user": "shop", "password": "hush, hush" });
    let Some(mut sink) = Sink::with(settings).await else { return };
    let options = MailOptions {
        url: format!("smtp://localhost:{}", sink.port),
        user: "shop".to_owned(),
        password: Secret::new("hush, hush"),
        encryption: Encryption::Required,
        ca: certificate,
        timeout: Duration::from_secs(5),
        ..mail_options(sink.port)
    };
    let post = Post::with(options.clone()).await;
    post.welcome().await;
    let taken = sink.take().await;
    assert_eq!((taken.tls, taken.user.as_deref()), (true, Some("shop")));
    post.all_are(MailState::Sent).await;

    // A wrong password is the shop's trouble, not the mail's: it waits. So it does if the server is not who it should be.
    let wrong = MailOptions { password: Secret::new("hoosh"), ..options.clone() };
    let untrusted = MailOptions { ca: "".into(), ..options.clone() };
    let plain = MailOptions { encryption: Encryption::Auto, user: String::new(), ..options };
    for (options, code) in [(wrong, "smtp_535"), (untrusted, "tls_failed"), (plain, "smtp_530")] {
        let post = Post::with(options).await;
        post.welcome().await;
        assert_eq!(post.has_a_code().await, code);
    }
    assert_eq!(sink.stop().await.len(), 0, "nothing went over a connection that was not as it should be");
}

#[tokio::test]
async fn no_name_adds_a_header() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    let name = "Ann\r\nBcc: all@example.com\r\n\r\n<x>, \"y\" ünd\u{202e}z";
    let mut order = order("ann@example.com");
    if let Some(address) = &mut order.shipping_address {
        address.name = name.to_owned();
    }
    order.number = "S-1\r\nX-Evil: yes".to_owned();
    post.knows(user("ann@example.com", name), order);
    post.order(kinds::ORDER_PAID, json!({})).await;
    post.welcome().await;
    for taken in sink.take_all(2).await {
        assert_eq!(taken.to, ["ann@example.com"]);
        assert!(!taken.has("Bcc") && !taken.has("X-Evil"), "{:?}", taken.headers);
        assert_eq!(taken.defects, [""; 0]);
    }
}

#[tokio::test]
async fn amounts_are_written_as_their_currency_has_them() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    for (currency, total) in [("JPY", "¥126,488"), ("KWD", "126.488 KWD"), ("SEK", "1,264.88 SEK")] {
        post.knows(user("ann@example.com", "Ann"), order_in(currency, "ann@example.com"));
        post.order(kinds::ORDER_PAID, json!({})).await;
        let taken = sink.take().await;
        assert!(taken.plain.contains(&format!("Total: {total}\n")), "{}", taken.plain);
        assert!(taken.html.contains(total));
    }
}
