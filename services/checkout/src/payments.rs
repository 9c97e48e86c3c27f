//! What Shoal asks of a payment provider, and the one that is built in.

mod test_provider;

use async_trait::async_trait;
use shoal_contract::checkout::{Error, Payment};
use shoal_types::{Context, Money, Secret};

pub use test_provider::{TestProvider, sign};

/// A payment provider: a card processor, a wallet, an invoice service.
///
/// Every call is idempotent by its key: a repeat gives the first answer, and the key of a call whose answer was lost
/// can be asked about. An adapter to a provider without keys must keep its own book.
#[async_trait]
pub trait PaymentProvider: Send + Sync + 'static {
    /// The name buyers' requests carry: `test`.
    fn name(&self) -> &'static str;

    /// Holds money. A key that was voided before is refused, so that a late call holds nothing.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn authorise(&self, cx: &Context, request: Authorise) -> Result<Authorised, ProviderError>;

    /// The payment of a key, if the provider knows it.
    ///
    /// # Errors
    /// `Unreachable` alone.
    async fn find(&self, cx: &Context, key: &str) -> Result<Option<Payment>, ProviderError>;

    /// Takes the held money, all of it.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn capture(&self, cx: &Context, key: &str) -> Result<(), ProviderError>;

    /// Gives held money up. An unknown key is remembered as void.
    ///
    /// # Errors
    /// See [`ProviderError`]; `Declined` if the money has been taken already.
    async fn void(&self, cx: &Context, key: &str) -> Result<(), ProviderError>;

    /// Sends taken money back, once for each `refund_key`.
    ///
    /// # Errors
    /// See [`ProviderError`]; `Declined` for more than is left.
    async fn refund(
        &self,
        cx: &Context,
        key: &str,
        refund_key: &str,
        amount: Money,
    ) -> Result<(), ProviderError>;

    /// Reads a report the provider sent by itself, after checking its signature.
    ///
    /// # Errors
    /// `BadSignature`; `Invalid` for a body that is no report.
    async fn read_notice(&self, cx: &Context, body: &str, signature: Option<&str>)
    -> Result<Reported, Error>;
}

/// Asks for money to be held.
#[derive(Debug, Clone)]
pub struct Authorise {
    /// The same for each repeat.
    pub key: String,
    /// How much.
    pub amount: Money,
    /// The provider's token for the card.
    pub token: Secret,
}

/// What became of a request to hold money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorised {
    /// It is held.
    Held,
    /// The buyer must confirm it there.
    Pending {
        /// Where.
        redirect_url: String,
    },
}

/// Why a provider did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderError {
    /// It refused, for good. Nothing happened.
    Declined {
        /// The provider's word: `insufficient_funds`.
        reason: String,
    },
    /// It was not reached. Nothing happened.
    Unreachable,
    /// The answer was lost. It may have happened: ask by key.
    Unknown,
}

/// What a provider reported by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Unique for the provider.
    pub event: String,
    /// Which payment it is about.
    pub key: String,
}
