//! The notification service: what leaves the shop for people and programs outside, because something happened in it.

mod webhooks;

pub use webhooks::*;

use serde::{Deserialize, Serialize};
use shoal_types::{Id, Noun, Page, PageRequest, Timestamp};
use utoipa::ToSchema;

use crate::service::service;

/// Marks the ids of mails.
#[derive(Debug)]
pub struct MailNoun;

impl Noun for MailNoun {
    const PREFIX: &'static str = "mail";
}

/// A mail's id: the bits of the id of the event that it tells of, so that an event makes one mail however often it is heard.
pub type MailId = Id<MailNoun>;

/// The most events told at once.
pub const EVENTS_MAX: usize = 1_000;

/// Tells what happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hear {
    /// At most [`EVENTS_MAX`], in the order of each aggregate: CloudEvents 1.0, each as JSON text.
    pub events: Vec<String>,
}

/// What a mail tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// An order was made.
    OrderPlaced,
    /// A parcel was sent.
    OrderShipped,
    /// Money went back.
    OrderRefunded,
    /// How to set a new password.
    PasswordReset,
    /// An account was opened.
    Welcome,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::OrderPlaced, Self::OrderShipped, Self::OrderRefunded, Self::PasswordReset, Self::Welcome];

    /// The word stored and shown, and the name of its templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderPlaced => "order_placed",
            Self::OrderShipped => "order_shipped",
            Self::OrderRefunded => "order_refunded",
            Self::PasswordReset => "password_reset",
            Self::Welcome => "welcome",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Where a mail is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// To be sent, perhaps after tries that failed.
    Pending,
    /// A mail server has taken it.
    Sent,
    /// It was given up: `code` says why.
    Failed,
    /// There was nobody or nothing to write to any more: `code` says why.
    Dropped,
}

impl MailState {
    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// Reads the stored word.
    pub fn parse(word: &str) -> Option<Self> {
        use MailState::*;
        [Pending, Sent, Failed, Dropped].into_iter().find(|state| state.as_str() == word)
    }
}

/// A mail as staff see it: what became of it, neither its text nor its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mail {
    /// Id.
    pub id: MailId,
    /// What it tells.
    pub kind: MailKind,
    /// Where it is in its life.
    pub state: MailState,
    /// What it is about: the id of an order or of a user.
    pub about: String,
    /// How often it was tried since it was last to be sent.
    pub tries: u32,
    /// How often staff had it sent again.
    pub resent: u32,
    /// Why the last try failed, or why it was given up: `smtp_550`, `unreachable`, `unknown_user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When what it tells of was heard.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it is tried next; absent unless it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
}

/// Asks for a page of mails, newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListMails {
    /// Which page.
    pub page: PageRequest,
    /// Only in this state.
    pub state: Option<MailState>,
}

/// Names a mail.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct MailRef {
    /// Which.
    pub mail: MailId,
}

service! {
    /// Mail and what else leaves the shop.
    ///
    /// The houses tell it what happened; staff see what became of it. What is asked about webhooks is for staff only.
    pub trait Notifications as "notifications", error Error, system from [users, products, orders, checkout] {
        /// Hears what happened. Idempotent: each event counts once, by its id. System only.
        async fn hear(Hear) -> (); from [users, products, orders, checkout]; idempotent;
        /// A page of mails, newest first; staff only.
        async fn list_mails(ListMails) -> Page<Mail>; from [gateway]; idempotent;
        /// Sends a mail again, made anew from what is known now; staff only. One that is pending is tried at once.
        async fn resend_mail(MailRef) -> Mail; from [gateway]; keyed;
        /// Makes a webhook endpoint and its secret.
        async fn create_webhook_endpoint(NewWebhookEndpoint) -> WebhookEndpointSecret; from [gateway]; keyed;
        /// A page of webhook endpoints, oldest first.
        async fn list_webhook_endpoints(ListWebhookEndpoints) -> Page<WebhookEndpoint>; from [gateway]; idempotent;
        /// Shows a webhook endpoint.
        async fn get_webhook_endpoint(WebhookEndpointRef) -> WebhookEndpoint; from [gateway]; idempotent;
        /// Changes a webhook endpoint.
        async fn update_webhook_endpoint(UpdateWebhookEndpoint) -> WebhookEndpoint; from [gateway];
        /// Forgets a webhook endpoint, and with time its deliveries.
        async fn delete_webhook_endpoint(WebhookEndpointRef) -> (); from [gateway];
        /// Gives a webhook endpoint another secret; the one before it signs too for a while.
        async fn rotate_webhook_secret(WebhookEndpointRef) -> WebhookEndpointSecret; from [gateway]; keyed;
        /// Enables or disables a webhook endpoint. Idempotent.
        async fn switch_webhook_endpoint(SwitchWebhookEndpoint) -> WebhookEndpoint; from [gateway]; idempotent;
        /// Sends a webhook endpoint the event [`WEBHOOK_TEST`].
        async fn test_webhook_endpoint(WebhookEndpointRef) -> WebhookDelivery; from [gateway]; keyed;
        /// A page of a webhook endpoint's deliveries, those of the newest events first.
        async fn list_webhook_deliveries(ListWebhookDeliveries) -> Page<WebhookDelivery>; from [gateway]; idempotent;
        /// Shows a delivery, its body and its attempts.
        async fn get_webhook_delivery(WebhookDeliveryRef) -> WebhookDeliveryLog; from [gateway]; idempotent;
        /// Sends a delivery again, whatever became of it, with all tries before it.
        async fn resend_webhook(WebhookDeliveryRef) -> WebhookDelivery; from [gateway]; keyed;
        /// Sends again what was given up, at most [`RESENT_MAX`] deliveries.
        async fn resend_failed_webhooks(ResendFailedWebhooks) -> ResentWebhooks; from [gateway]; keyed;
    }
}

shoal_types::errors! {
    /// What can go wrong in the notification service.
    pub enum Error {
        /// There is no such mail: it never was, or it is long ago.
        UnknownMail {} => (NotFound, "unknown_mail", "there is no such mail"),
        /// There is no such webhook endpoint: it never was, or was removed.
        UnknownWebhookEndpoint {} => (NotFound, "unknown_webhook_endpoint", "there is no such webhook endpoint"),
        /// The endpoint has no such delivery: it never was, or it is long ago.
        UnknownWebhookDelivery {} => (NotFound, "unknown_webhook_delivery", "there is no such webhook delivery"),
        /// The endpoint was changed since it was read. Read it again, then repeat the change.
        WebhookEndpointChanged { version: u64 } => (Stale, "webhook_endpoint_changed",
            "the webhook endpoint was changed meanwhile; it is at version {version}"),
        /// The shop has as many webhook endpoints as it may have. Remove one, or let the operator raise
        /// `webhooks.endpoints_max`.
        TooManyWebhookEndpoints { limit: u32 } => (Conflict, "too_many_webhook_endpoints",
            "there are {limit} webhook endpoints, which is the most there may be"),
        /// A disabled endpoint is sent nothing. Enable it first.
        WebhookEndpointDisabled {} => (Conflict, "webhook_endpoint_disabled", "the webhook endpoint is disabled"),
        /// The request was answered before, with a secret that has been replaced since. Rotate the secret to get another.
        WebhookSecretReplaced {} => (Conflict, "webhook_secret_replaced",
            "the secret that answered this request was replaced"),
    }
}
