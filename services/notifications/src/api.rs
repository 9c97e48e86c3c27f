//! The contract's methods, one use case each.

mod hearing;
mod mails;
pub(crate) mod webhooks;

use async_trait::async_trait;
use shoal_contract::notifications::{
    Error, Hear, ListMails, ListWebhookDeliveries, ListWebhookEndpoints, Mail, MailRef, NewWebhookEndpoint,
    Notifications, ResendFailedWebhooks, ResentWebhooks, SwitchWebhookEndpoint, UpdateWebhookEndpoint,
    WebhookDelivery, WebhookDeliveryLog, WebhookDeliveryRef, WebhookEndpoint, WebhookEndpointRef,
    WebhookEndpointSecret,
};
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

    async fn create_webhook_endpoint(
        &self,
        cx: &Context,
        request: NewWebhookEndpoint,
    ) -> Result<WebhookEndpointSecret, Error> {
        webhooks::create(self, cx, request).await
    }

    async fn list_webhook_endpoints(
        &self,
        cx: &Context,
        request: ListWebhookEndpoints,
    ) -> Result<Page<WebhookEndpoint>, Error> {
        webhooks::list(self, cx, request).await
    }

    async fn get_webhook_endpoint(
        &self,
        cx: &Context,
        request: WebhookEndpointRef,
    ) -> Result<WebhookEndpoint, Error> {
        webhooks::get(self, cx, request).await
    }

    async fn update_webhook_endpoint(
        &self,
        cx: &Context,
        request: UpdateWebhookEndpoint,
    ) -> Result<WebhookEndpoint, Error> {
        webhooks::update(self, cx, request).await
    }

    async fn delete_webhook_endpoint(&self, cx: &Context, request: WebhookEndpointRef) -> Result<(), Error> {
        webhooks::delete(self, cx, request).await
    }

    async fn rotate_webhook_secret(
        &self,
        cx: &Context,
        request: WebhookEndpointRef,
    ) -> Result<WebhookEndpointSecret, Error> {
        webhooks::rotate(self, cx, request).await
    }

    async fn switch_webhook_endpoint(
        &self,
        cx: &Context,
        request: SwitchWebhookEndpoint,
    ) -> Result<WebhookEndpoint, Error> {
        webhooks::switch(self, cx, request).await
    }

    async fn test_webhook_endpoint(
        &self,
        cx: &Context,
        request: WebhookEndpointRef,
    ) -> Result<WebhookDelivery, Error> {
        webhooks::test(self, cx, request).await
    }

    async fn list_webhook_deliveries(
        &self,
        cx: &Context,
        request: ListWebhookDeliveries,
    ) -> Result<Page<WebhookDelivery>, Error> {
        webhooks::list_deliveries(self, cx, request).await
    }

    async fn get_webhook_delivery(
        &self,
        cx: &Context,
        request: WebhookDeliveryRef,
    ) -> Result<WebhookDeliveryLog, Error> {
        webhooks::get_delivery(self, cx, request).await
    }

    async fn resend_webhook(
        &self,
        cx: &Context,
        request: WebhookDeliveryRef,
    ) -> Result<WebhookDelivery, Error> {
        webhooks::resend(self, cx, request).await
    }

    async fn resend_failed_webhooks(
        &self,
        cx: &Context,
        request: ResendFailedWebhooks,
    ) -> Result<ResentWebhooks, Error> {
        webhooks::resend_failed(self, cx, request).await
    }
}
