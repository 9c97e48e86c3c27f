use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use shoal_contract::events::kinds;
use shoal_contract::notifications::{MailRef, MailState, Notifications as _};
use shoal_contract::orders;
use shoal_contract::users;
use shoal_notifications::MailOptions;
use tokio::net::TcpListener;

use super::sink::Sink;
use super::{Post, order, user};
use crate::town::mail_options;

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    sink.meet("451").await;
    post.welcome().await;
    let taken = sink.take().await;
    assert_eq!(taken.to, ["ann@example.com"]);
    let mails = post.all_are(MailState::Sent).await;
    assert_eq!((mails[0].tries, mails[0].code.as_deref()), (2, None));
    assert_eq!(sink.stop().await.len(), 0, "once");
}

#[tokio::test]
async fn mails_wait_for_a_server_that_is_down_and_arrive_once() {
    let Some(sink) = Sink::start().await else { return };
    let port = sink.port;
    assert_eq!(sink.stop().await.len(), 0);
    let post = Post::to(port).await;
    for _ in 0..20 {
        post.order(kinds::ORDER_PAID, json!({})).await;
    }
    let waiting = post.all_are(MailState::Pending).await;
    assert_eq!(waiting.len(), 20);
    let mut sink = Sink::with(json!({ "port": port })).await.expect("it was there before");
    let taken = sink.take_all(20).await;
    let mails = post.all_are(MailState::Sent).await;
    let sent: HashSet<_> = taken.iter().map(|taken| taken.header("Message-ID").to_owned()).collect();
    let expected: HashSet<_> = mails.iter().map(|mail| format!("<{}.0@example.com>", mail.id)).collect();
    assert_eq!((sent, sink.stop().await.len()), (expected, 0));
}

#[tokio::test]
async fn what_is_refused_for_good_is_given_up_and_staff_can_send_it_again() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    post.knows(user("nobody@example.com", "Ann"), order("nobody@example.com"));
    post.welcome().await;
    let failed = post.all_are(MailState::Failed).await.remove(0);
    assert_eq!((failed.tries, failed.code.as_deref()), (1, Some("smtp_550")));
    // The address was mended meanwhile: it is asked for anew.
    post.knows(user("ann@example.com", "Ann"), order("ann@example.com"));
    let request = MailRef { mail: failed.id };
    let again = post.town.house.resend_mail(&post.town.staff(), request).await.expect("sent again");
    assert_eq!((again.state, again.resent, again.code), (MailState::Pending, 1, None));
    let taken = sink.take().await;
    assert_eq!(taken.to, ["ann@example.com"]);
    assert_eq!(taken.header("Message-ID"), format!("<{}.1@example.com>", failed.id));
    post.all_are(MailState::Sent).await;
}

#[tokio::test]
async fn who_dies_before_the_note_sends_again_under_the_same_id() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    sink.meet("hold").await;
    post.welcome().await;
    let first = sink.take().await;
    // The server has it and this process will never know.
    post.jobs.abort();
    assert_eq!(post.town.mails().await[0].state, MailState::Pending);
    let next = post.town.restarted(sink.port).await;
    let jobs = next.run_mails();
    let second = sink.take().await;
    assert_eq!(first.header("Message-ID"), second.header("Message-ID"));
    assert_eq!(first.plain, second.plain);
    post.all_are(MailState::Sent).await;
    jobs.abort();
}

#[tokio::test]
async fn who_is_told_to_stop_finishes_what_is_under_way() {
    let Some(sink) = Sink::start().await else { return };
    let mut post = Post::to(sink.port).await;
    for _ in 0..15 {
        post.welcome().await;
    }
    post.town.stop.send_replace(true);
    (&mut post.jobs).await.expect("it ends");
    let mails = post.town.mails().await;
    let sent = mails.iter().filter(|mail| mail.state == MailState::Sent).count();
    assert!(mails.iter().all(|mail| mail.state == MailState::Sent || mail.tries == 0), "{mails:?}");
    assert_eq!(sink.stop().await.len(), sent, "each that was begun was noted");
}

#[tokio::test]
async fn nodes_that_share_the_data_send_each_mail_once() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    let other = post.town.beside();
    let jobs = other.run_mails();
    for _ in 0..30 {
        post.welcome().await;
    }
    let taken = sink.take_all(30).await;
    post.all_are(MailState::Sent).await;
    let sent: HashSet<_> = taken.iter().map(|taken| taken.header("Message-ID").to_owned()).collect();
    assert_eq!((sent.len(), sink.stop().await.len()), (30, 0));
    jobs.abort();
}

#[tokio::test]
async fn a_house_that_is_away_is_waited_for_and_who_is_gone_gets_nothing() {
    let Some(mut sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    post.town.others.is_away("get_user");
    post.welcome().await;
    assert_eq!(post.has_a_code().await, "unavailable");
    post.knows(user("ann@example.com", "Ann"), order("ann@example.com"));
    assert_eq!(sink.take().await.to, ["ann@example.com"]);
    post.all_are(MailState::Sent).await;

    post.town.others.answer::<users::User, _>("get_user", Err(users::Error::UnknownUser {}));
    post.town.others.answer::<orders::Order, _>("get_order", Err(orders::Error::UnknownOrder {}));
    post.welcome().await;
    post.order(kinds::ORDER_PAID, json!({})).await;
    let mut codes = Vec::new();
    while codes.len() < 2 {
        let mails = post.town.mails().await.into_iter().filter(|mail| mail.state == MailState::Dropped);
        codes = mails.filter_map(|mail| mail.code).collect();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    codes.sort();
    assert_eq!(codes, ["unknown_order", "unknown_user"]);
    assert_eq!(sink.stop().await.len(), 0);
}

#[tokio::test]
async fn an_undone_order_is_not_confirmed_and_an_order_without_an_address_not_written_about() {
    let Some(sink) = Sink::start().await else { return };
    let post = Post::to(sink.port).await;
    let undone = orders::Order { status: orders::OrderStatus::Cancelled, ..order("ann@example.com") };
    post.knows(user("ann@example.com", "Ann"), undone);
    post.order(kinds::ORDER_PAID, json!({})).await;
    assert_eq!(post.all_are(MailState::Dropped).await[0].code.as_deref(), Some("order_cancelled"));
    post.knows(user("ann@example.com", "Ann"), orders::Order { email: None, ..order("x@example.com") });
    post.order(kinds::ORDER_FULFILLED, json!({})).await;
    assert_eq!(post.all_are(MailState::Dropped).await[0].code.as_deref(), Some("no_address"));
    assert_eq!(sink.stop().await.len(), 0);
}

#[tokio::test]
async fn a_mail_is_not_tried_for_ever() {
    // Somebody listens, and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = silent.local_addr().expect("bound").port();
    let options = MailOptions {
        timeout: Duration::from_millis(100),
        retry_for: Duration::from_millis(500),
        ..mail_options(port)
    };
    let post = Post::with(options).await;
    post.welcome().await;
    let failed = post.all_are(MailState::Failed).await.remove(0);
    assert!(failed.tries >= 2, "{failed:?}");
    assert_eq!(failed.code.as_deref(), Some("timed_out"), "{failed:?}");
}
