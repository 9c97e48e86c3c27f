use serde_json::json;
use shoal_contract::events::kinds;
use shoal_contract::notifications::{
    Error, Hear, ListMails, MailKind, MailRef, MailState, Notifications as _,
};
use shoal_contract::orders::OrderId;
use shoal_contract::users::UserId;
use shoal_notifications::{Options, STATEMENTS};
use shoal_sql::Source;
use shoal_types::{Caller, Fact as _, Limit, PageRequest};

use crate::town::Town;

#[tokio::test]
async fn every_statement_is_valid() {
    Town::start().await.house.database().check(STATEMENTS).await.expect("valid");
}

#[tokio::test]
async fn an_event_makes_one_mail_however_often_it_is_told() {
    let town = Town::start().await;
    let (order, user): (OrderId, UserId) = (town.env.id(), town.env.id());
    let paid = town.event(kinds::ORDER_PAID, order, 2, json!({}));
    let registered = town.event(kinds::USER_REGISTERED, user, 1, json!({}));
    town.hear(&[paid.clone(), registered.clone()]).await;
    town.hear(std::slice::from_ref(&registered)).await;
    town.hear(&[registered, paid]).await;
    let mut mails = town.mails().await;
    mails.sort_by_key(|mail| mail.kind.as_str());
    let told: Vec<_> = mails.iter().map(|mail| (mail.kind, mail.state, mail.about.clone())).collect();
    let expected = [
        (MailKind::OrderPlaced, MailState::Pending, order.to_string()),
        (MailKind::Welcome, MailState::Pending, user.to_string()),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn what_asks_for_no_mail_is_passed_over() {
    let town = Town::start().await;
    let order: OrderId = town.env.id();
    town.hear(&[town.event(kinds::ORDER_PLACED, order, 1, json!({}))]).await;
    town.hear(&[]).await;
    assert_eq!(town.mails().await, []);
}

#[tokio::test]
async fn a_shop_without_mail_makes_none() {
    let town = Town::with(Options::new(Source::Directory("unused".into()))).await;
    let order: OrderId = town.env.id();
    town.hear(&[town.event(kinds::ORDER_PAID, order, 1, json!({}))]).await;
    assert_eq!(town.mails().await, []);
}

#[tokio::test]
async fn only_shoal_itself_tells_and_only_staff_see() {
    let town = Town::start().await;
    let anonymous = town.system().with_caller(Caller::Anonymous);
    let told = town.house.hear(&anonymous, Hear { events: Vec::new() }).await.expect_err("refused");
    assert_eq!(told.code(), "unauthenticated");
    let told = town.house.hear(&town.staff(), Hear { events: Vec::new() }).await.expect_err("refused");
    assert_eq!(told.code(), "forbidden");
    let seen = town.house.list_mails(&anonymous, ListMails::default()).await.expect_err("refused");
    assert_eq!(seen.code(), "unauthenticated");
}

#[tokio::test]
async fn what_is_no_event_is_refused_for_good() {
    let town = Town::start().await;
    let heard = town.house.hear(&town.system(), Hear { events: vec!["{}".to_owned()] }).await;
    let error = heard.expect_err("refused");
    assert_eq!(error.code(), "invalid_request");
    assert!(!error.kind().retry_may_help(), "it becomes a dead letter at once");
}

#[tokio::test]
async fn mails_are_listed_in_pages_and_by_state() {
    let town = Town::start().await;
    for _ in 0..3 {
        let user: UserId = town.env.id();
        town.hear(&[town.event(kinds::USER_REGISTERED, user, 1, json!({}))]).await;
    }
    let all: Vec<_> = town.mails().await.into_iter().map(|mail| mail.id).collect();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = PageRequest { limit: Limit::new(2).expect("in range"), cursor };
        let request = ListMails { page, state: Some(MailState::Pending) };
        let page = town.house.list_mails(&town.staff(), request).await.expect("listed");
        seen.extend(page.items.into_iter().map(|mail| mail.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((all.len(), seen), (3, all));
    let request = ListMails { state: Some(MailState::Sent), ..ListMails::default() };
    assert_eq!(town.house.list_mails(&town.staff(), request).await.expect("listed").items, []);
}

#[tokio::test]
async fn a_mail_that_waits_is_not_counted_as_sent_again() {
    let town = Town::start().await;
    let user: UserId = town.env.id();
    town.hear(&[town.event(kinds::USER_REGISTERED, user, 1, json!({}))]).await;
    let [mail] = &town.mails().await[..] else { panic!("one mail") };
    let request = MailRef { mail: mail.id };
    let again = town.house.resend_mail(&town.staff(), request).await.expect("sent again");
    assert_eq!((again.state, again.resent), (MailState::Pending, 0));
    let unknown = MailRef { mail: town.env.id() };
    let unknown = town.house.resend_mail(&town.staff(), unknown).await.expect_err("there is none");
    assert_eq!(unknown, Error::UnknownMail {});
}
