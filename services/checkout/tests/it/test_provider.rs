use std::time::Duration;

use shoal_checkout::{
    Authorise, Authorised, PaymentProvider, ProviderError, TEST_PROVIDER_MIGRATIONS, TestProvider, sign,
};
use shoal_contract::checkout::{Error, PaymentStatus};
use shoal_sql::Database;
use shoal_types::{Context, Currency, Env, Money, Secret};

const KEY: &str = "checkout_1/authorise";

struct Bank {
    provider: TestProvider,
    cx: Context,
}

impl Bank {
    async fn open() -> Self {
        let env = Env::system();
        let book =
            Database::temporary("test-provider", TEST_PROVIDER_MIGRATIONS, &env).await.expect("it opens");
        let cx = Context::system(&env, Duration::from_secs(30));
        Self { provider: TestProvider::new(book, env, Secret::new("hush")), cx }
    }

    async fn authorise(&self, token: &str) -> Result<Authorised, ProviderError> {
        let request = Authorise { key: KEY.to_owned(), amount: eur(1999), token: Secret::new(token) };
        self.provider.authorise(&self.cx, request).await
    }

    async fn status(&self) -> Option<PaymentStatus> {
        self.provider.find(&self.cx, KEY).await.expect("it answers").map(|payment| payment.status)
    }
}

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::EUR)
}

fn declined(reason: &str) -> ProviderError {
    ProviderError::Declined { reason: reason.to_owned() }
}

#[tokio::test]
async fn a_repeated_authorisation_gets_the_first_answer() {
    let bank = Bank::open().await;
    assert_eq!(bank.authorise("tok_declined").await, Err(declined("card_declined")));
    assert_eq!(bank.authorise("tok_success").await, Err(declined("card_declined")));
    assert_eq!(bank.authorise("tok_4242").await, Err(declined("card_declined")));
}

#[tokio::test]
async fn a_payment_voided_before_it_came_holds_nothing() {
    let bank = Bank::open().await;
    bank.provider.void(&bank.cx, KEY).await.expect("an unknown key can be voided");
    assert_eq!(bank.authorise("tok_success").await, Err(declined("voided")));
    assert_eq!(bank.provider.capture(&bank.cx, KEY).await, Err(declined("not_authorised")));
}

#[tokio::test]
async fn what_was_taken_cannot_be_voided_and_is_taken_once() {
    let bank = Bank::open().await;
    assert_eq!(bank.authorise("tok_success").await, Ok(Authorised::Held));
    for _ in 0..2 {
        bank.provider.capture(&bank.cx, KEY).await.expect("it is taken");
    }
    assert_eq!(bank.provider.void(&bank.cx, KEY).await, Err(declined("already_captured")));
    assert_eq!(bank.status().await, Some(PaymentStatus::Captured));
}

#[tokio::test]
async fn a_lost_answer_can_be_asked_for() {
    let bank = Bank::open().await;
    assert_eq!(bank.authorise("tok_lost_answer").await, Err(ProviderError::Unknown));
    assert_eq!(bank.status().await, Some(PaymentStatus::Authorised));
}

#[tokio::test]
async fn an_outage_leaves_nothing_behind() {
    let bank = Bank::open().await;
    assert_eq!(bank.authorise("tok_outage").await, Err(ProviderError::Unreachable));
    assert_eq!(bank.status().await, None);
}

#[tokio::test]
async fn refunds_at_once_never_send_back_more_than_was_taken() {
    let bank = Bank::open().await;
    bank.authorise("tok_success").await.expect("held");
    bank.provider.capture(&bank.cx, KEY).await.expect("taken");
    let refund = |key: &'static str| bank.provider.refund(&bank.cx, KEY, key, eur(1000));
    let (first, second, repeat) = tokio::join!(refund("a"), refund("b"), refund("a"));
    assert_eq!([&first, &second].iter().filter(|sent| sent.is_ok()).count(), 1);
    assert_eq!(first, repeat);
    let payment = bank.provider.find(&bank.cx, KEY).await.expect("it answers").expect("it is there");
    assert_eq!(payment.refunded, eur(1000));
}

#[tokio::test]
async fn a_signed_notice_confirms_and_any_other_is_refused() {
    let bank = Bank::open().await;
    assert!(matches!(bank.authorise("tok_redirect").await, Ok(Authorised::Pending { .. })));
    let body = format!(r#"{{"id":"evt_1","type":"payment.authorised","payment":"{KEY}"}}"#);
    for wrong in
        [None, Some("00".to_owned()), Some(sign(&Secret::new("guess"), &body)), Some("no hex".to_owned())]
    {
        let refused = bank.provider.read_notice(&bank.cx, &body, wrong.as_deref()).await;
        assert_eq!(refused, Err(Error::BadSignature {}));
    }
    assert_eq!(bank.status().await, Some(PaymentStatus::Pending));
    let signature = sign(&Secret::new("hush"), &body);
    let reported = bank.provider.read_notice(&bank.cx, &body, Some(&signature)).await.expect("it is read");
    assert_eq!((reported.event.as_str(), reported.key.as_str()), ("evt_1", KEY));
    assert_eq!(bank.status().await, Some(PaymentStatus::Authorised));
}
