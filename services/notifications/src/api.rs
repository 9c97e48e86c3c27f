//! The contract's methods, one use case each.

mod hearing;
mod mails;

use async_trait::async_trait;
use shoal_contract::notifications::{Error, Hear, ListMails, Mail, MailRef, Notifications};
use shoal_types::{Context, Page};

use crate::House;

#[async_trait]
impl Notifications for House {
    async fn hear(&self, cx: &Context, request: Hear) -> Result<(), Error> {
        hearing::hear(self, cx, request).await
    }

    async fn list_mails(&self, cx: &Context, request: ListMails) -> Result<Page<Mail>, Error> {
        mails::list(self, cx, request).await
    }

    async fn resend_mail(&self, cx: &Context, request: MailRef) -> Result<Mail, Error> {
        mails::resend(self, cx, request).await
    }
}
