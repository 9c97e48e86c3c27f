use std::fs;
use std::path::Path;

use serde_json::json;
use shoal_contract::events::kinds;
use shoal_notifications::MailOptions;
use shoal_types::Fact as _;

use super::Post;
use super::sink::Sink;
use crate::town::mail_options;

fn with(folder: &Path, port: u16) -> MailOptions {
    MailOptions { templates: folder.into(), ..mail_options(port) }
}

/// What is said of a folder with this file.
fn said(name: &str, text: &str) -> Result<(), String> {
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join(name), text).expect("written");
    let checked = with(place.path(), 25).check();
    checked.map_err(|error| {
        assert_eq!(error.code(), "mail_template_invalid");
        error.to_string()
    })
}

#[tokio::test]
async fn a_shops_own_templates_stand_in_for_ours() {
    let Some(mut sink) = Sink::start().await else { return };
    let place = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).expect("written");
    write("order_placed.subject.txt", "Danke für {{ order.number }}!\n");
    write("_line.html", "<li>{{ line.title }}</li>");
    write(
        "order_placed.html",
        "<ul>{% for line in order.lines %}{% include '_line.html' %}{% endfor %}</ul>",
    );
    let post = Post::with(with(place.path(), sink.port)).await;
    post.order(kinds::ORDER_PAID, json!({})).await;
    let taken = sink.take().await;
    assert_eq!(taken.header("Subject"), "Danke für S-ZN67-JAFZ!");
    let first = "<ul><li>Mug &lt;b&gt;&quot;Harbour&quot; &amp; Sons&lt;/b&gt;</li>";
    assert!(taken.html.starts_with(first), "{}", taken.html);
    assert!(taken.plain.contains("thank you for your order"), "the others stay ours");
}

#[test]
fn a_template_that_does_not_fit_is_named_with_its_line() {
    assert_eq!(said("welcome.txt", "Hello {{ name }}"), Ok(()));
    let unknown = said("welcome.txt", "Hello\n{{ nmae }}").expect_err("a typing mistake");
    assert!(unknown.contains("welcome.txt, line 2"), "{unknown}");
    let broken = said("layout.html", "{% block main %}").expect_err("it does not end");
    assert!(broken.contains("layout.html, line 1"), "{broken}");
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    assert!(said("welcome.txt", endless).expect_err("it is too much").contains("welcome.txt"));
    let stray = said("welcom.txt", "Hello").expect_err("no mail has this name");
    assert!(stray.contains("welcom.txt"), "{stray}");
    let nowhere = with(Path::new("/no/such/folder"), 25).check().expect_err("there is none");
    assert_eq!(nowhere.code(), "mail_template_invalid");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let code = |options: MailOptions| options.check().map_err(|error| error.code());
    let good = || mail_options(25);
    assert_eq!(code(good()), Ok(()));
    assert_eq!(code(MailOptions { url: "mail.example".into(), ..good() }), Err("mail_url_invalid"));
    for wrong in ["", "shop", "Shop <shop@example.com>\r\nBcc: a@b.c"] {
        assert_eq!(
            code(MailOptions { from: wrong.into(), ..good() }),
            Err("mail_setting_invalid"),
            "{wrong}"
        );
    }
    assert_eq!(
        code(MailOptions { public_url: "shop.example".into(), ..good() }),
        Err("mail_setting_invalid")
    );
    let ca = MailOptions { url: "smtps://mail.example".into(), ca: "/no/such/file".into(), ..good() };
    assert_eq!(code(ca), Err("mail_certificates_invalid"));
}
