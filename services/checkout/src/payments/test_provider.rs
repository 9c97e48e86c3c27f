use std::time::Duration;

use async_trait::async_trait;
use hmac::{Hmac, Mac};
use serde::Deserialize;
use sha2::Sha256;
use shoal_contract::checkout::{Error, Payment, PaymentStatus};
use shoal_sql::Database;
use shoal_types::{Context, Env, Fault, Money, Secret};

use super::{Authorise, Authorised, PaymentProvider, ProviderError, Reported};
use crate::store::book::{self, Entry};

/// How long `tok_slow` takes to answer.
const SLOW: Duration = Duration::from_secs(2);

/// The payment provider that is built in, for development, tests and the demo shop. No money moves.
///
/// It keeps a durable book of its own, as a real one would, so that after a crash it can be asked what happened.
/// The card token says how it behaves:
///
/// | token | behaviour |
/// |---|---|
/// | `tok_success` | holds and takes the money |
/// | `tok_declined` | refuses to hold: `card_declined` |
/// | `tok_insufficient_funds` | refuses to hold: `insufficient_funds` |
/// | `tok_slow` | holds after two seconds |
/// | `tok_lost_answer` | holds, but the answer is lost |
/// | `tok_outage` | cannot be reached to hold |
/// | `tok_capture_declined` | holds, then refuses to pay |
/// | `tok_capture_lost` | holds and takes, but the second answer is lost |
/// | `tok_capture_outage` | holds, then cannot be reached for the first three captures |
/// | `tok_redirect` | waits for the buyer: a signed `payment.authorised` notice confirms, `payment.failed` refuses |
///
/// Any other token is refused: `unknown_card`.
pub struct TestProvider {
    book: Database,
    env: Env,
    webhook_secret: Secret,
}

impl TestProvider {
    /// A provider with its book in `book`, whose notices are signed with `webhook_secret`.
    pub fn new(book: Database, env: Env, webhook_secret: Secret) -> Self {
        Self { book, env, webhook_secret }
    }

    async fn entry(&self, cx: &Context, key: &str) -> Result<Option<Entry>, ProviderError> {
        let key = key.to_owned();
        self.book.read(cx, async move |tx| book::find(tx, &key).await).await.map_err(unreachable)
    }

    async fn enter(
        &self,
        cx: &Context,
        request: &Authorise,
        status: &'static str,
    ) -> Result<Entry, ProviderError> {
        let (key, amount, at) = (request.key.clone(), request.amount, self.env.now());
        let card = request.token.expose().to_owned();
        let entry =
            async move |tx: &mut shoal_sql::Tx| book::enter(tx, &key, &card, amount, status, at).await;
        self.book.write_grouped(cx, entry).await.map_err(unreachable)
    }

    async fn set_status(
        &self,
        cx: &Context,
        key: &str,
        from: &'static str,
        to: &'static str,
    ) -> Result<bool, ProviderError> {
        let key = key.to_owned();
        self.book
            .write_grouped(cx, async move |tx| book::set_status(tx, &key, from, to).await)
            .await
            .map_err(unreachable)
    }
}

/// The signature of a notice: HMAC-SHA256 of the body, in hexadecimal.
pub fn sign(secret: &Secret, body: &str) -> String {
    hex::encode(mac(secret, body).finalize().into_bytes())
}

fn mac(secret: &Secret, body: &str) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(body.as_bytes());
    mac
}

fn unreachable(error: shoal_sql::Error) -> ProviderError {
    tracing::warn!(%error, "the test provider's book cannot be used");
    ProviderError::Unreachable
}

fn declined(reason: &str) -> ProviderError {
    ProviderError::Declined { reason: reason.to_owned() }
}

fn redirect_url(key: &str) -> String {
    format!("https://pay.example/confirm/{key}")
}

#[async_trait]
impl PaymentProvider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn authorise(&self, cx: &Context, request: Authorise) -> Result<Authorised, ProviderError> {
        let status = match request.token.expose() {
            "tok_outage" => return Err(ProviderError::Unreachable),
            "tok_slow" => {
                tokio::time::sleep(SLOW).await;
                "authorised"
            }
            "tok_redirect" => "pending",
            "tok_declined" | "tok_insufficient_funds" => "declined",
            "tok_success"
            | "tok_lost_answer"
            | "tok_capture_declined"
            | "tok_capture_lost"
            | "tok_capture_outage" => "authorised",
            _ => "declined",
        };
        let entry = self.enter(cx, &request, status).await?;
        if request.token.expose() == "tok_lost_answer" {
            return Err(ProviderError::Unknown);
        }
        match entry.payment.status {
            PaymentStatus::Authorised | PaymentStatus::Captured => Ok(Authorised::Held),
            PaymentStatus::Pending => Ok(Authorised::Pending { redirect_url: redirect_url(&request.key) }),
            PaymentStatus::Voided => Err(declined("voided")),
            PaymentStatus::Declined => Err(declined(match entry.card.as_str() {
                "tok_declined" => "card_declined",
                "tok_insufficient_funds" => "insufficient_funds",
                "tok_redirect" => "not_confirmed",
                _ => "unknown_card",
            })),
        }
    }

    async fn find(&self, cx: &Context, key: &str) -> Result<Option<Payment>, ProviderError> {
        Ok(self.entry(cx, key).await?.map(|entry| entry.payment))
    }

    async fn capture(&self, cx: &Context, key: &str) -> Result<(), ProviderError> {
        let entry = self.entry(cx, key).await?.ok_or_else(|| declined("unknown_payment"))?;
        match (entry.payment.status, entry.card.as_str()) {
            (PaymentStatus::Captured, _) => return Ok(()),
            (PaymentStatus::Authorised, "tok_capture_declined") => return Err(declined("capture_refused")),
            (PaymentStatus::Authorised, "tok_capture_outage") if self.outage_goes_on(cx, key).await? => {
                return Err(ProviderError::Unreachable);
            }
            (PaymentStatus::Authorised, _) => {}
            _ => return Err(declined("not_authorised")),
        }
        // Between looking and taking, a void may have come: the guard decides.
        let taken = self.set_status(cx, key, "authorised", "captured").await?;
        if entry.card == "tok_capture_lost" {
            return Err(ProviderError::Unknown);
        }
        match taken {
            true => Ok(()),
            false => match self.entry(cx, key).await?.map(|entry| entry.payment.status) {
                Some(PaymentStatus::Captured) => Ok(()),
                _ => Err(declined("not_authorised")),
            },
        }
    }

    async fn void(&self, cx: &Context, key: &str) -> Result<(), ProviderError> {
        let (key, at) = (key.to_owned(), self.env.now());
        let status =
            self.book.write(cx, async move |tx| book::void(tx, &key, at).await).await.map_err(unreachable)?;
        match status {
            PaymentStatus::Captured => Err(declined("already_captured")),
            _ => Ok(()),
        }
    }

    async fn refund(
        &self,
        cx: &Context,
        key: &str,
        refund_key: &str,
        amount: Money,
    ) -> Result<(), ProviderError> {
        let (key, refund_key) = (key.to_owned(), refund_key.to_owned());
        let refund = async move |tx: &mut shoal_sql::Tx| book::refund(tx, &key, &refund_key, amount).await;
        match self.book.write(cx, refund).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(declined("refund_too_large")),
            Err(error) => Err(unreachable(error)),
        }
    }

    async fn read_notice(
        &self,
        cx: &Context,
        body: &str,
        signature: Option<&str>,
    ) -> Result<Reported, Error> {
        let signature = signature.and_then(|text| hex::decode(text).ok()).ok_or(Error::BadSignature {})?;
        mac(&self.webhook_secret, body).verify_slice(&signature).map_err(|_| Error::BadSignature {})?;
        let report: Report = serde_json::from_str(body)
            .map_err(|error| Fault::invalid("", "notice", format!("no notice of this provider: {error}")))?;
        let status = match report.kind.as_str() {
            "payment.authorised" => Some("authorised"),
            "payment.failed" => Some("declined"),
            _ => None,
        };
        if let Some(status) = status {
            // Whoever signs plays the provider here: what it reports is what its book says.
            let set = self.set_status(cx, &report.payment, "pending", status).await;
            set.map_err(|_| Error::PaymentUnavailable {})?;
        }
        Ok(Reported { event: report.id, key: report.payment })
    }
}

impl TestProvider {
    async fn outage_goes_on(&self, cx: &Context, key: &str) -> Result<bool, ProviderError> {
        let key = key.to_owned();
        let tries = self
            .book
            .write(cx, async move |tx| book::count_try(tx, &key).await)
            .await
            .map_err(unreachable)?;
        Ok(tries <= 3)
    }
}

/// A notice as it travels.
#[derive(Deserialize)]
struct Report {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    payment: String,
}
