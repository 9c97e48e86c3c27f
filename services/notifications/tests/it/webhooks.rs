//! Webhooks, with programs outside that are real servers.

mod endpoints;
mod faults;
mod official;
mod sending;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use shoal_contract::notifications::{
    ListWebhookDeliveries, NewWebhookEndpoint, Notifications as _, WebhookDelivery, WebhookDeliveryLog,
    WebhookDeliveryRef, WebhookEndpoint, WebhookEndpointId, WebhookEndpointRef, WebhookEndpointSecret,
};
use shoal_contract::orders::{self, OrderId, Orders};
use shoal_contract::users::{self, Users};
use shoal_notifications::{Options, WebhookOptions};
use shoal_queue::EventId;
use shoal_sql::Source;
use shoal_types::wire::Call;
use shoal_types::{Context, Env, Fault, Id, Noun, PageRequest};

use crate::receiver::Receiver;
use crate::town::Town;

/// Options that let webhooks go to servers of the test.
pub(crate) fn at_home() -> WebhookOptions {
    WebhookOptions {
        allow_http: true,
        allow_networks: vec!["127.0.0.0/8".parse().expect("a network")],
        ..WebhookOptions::default()
    }
}

/// A town whose webhooks go to servers of the test.
async fn town() -> Town {
    town_with(at_home()).await
}

async fn town_with(webhooks: WebhookOptions) -> Town {
    Town::with(Options { webhooks, ..Options::new(Source::Directory("unused".into())) }).await
}

/// An event as the houses tell it.
fn event<T: Noun>(env: &Env, kind: &str, subject: Id<T>) -> String {
    let id: EventId = env.id();
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/somewhere",
        "type": kind,
        "subject": subject,
        "aggregate": subject.uuid(),
        "sequence": 1,
        "time": env.now(),
        "data": {},
    })
    .to_string()
}

/// Other houses that are away.
struct Nobody;

#[async_trait]
impl Call for Nobody {
    async fn call(
        &self,
        _: &Context,
        service: &'static str,
        _: &'static str,
        _: Bytes,
        _: bool,
    ) -> Result<Bytes, Fault> {
        Err(Fault::Unavailable { what: service.to_owned() })
    }
}

fn nobody() -> (Arc<dyn Users>, Arc<dyn Orders>) {
    let nobody = Arc::new(Nobody);
    (Arc::new(users::Remote::new(nobody.clone())), Arc::new(orders::Remote::new(nobody)))
}

impl Town {
    /// An endpoint at the receiver that asks for everything.
    async fn endpoint(&self, receiver: &Receiver) -> WebhookEndpointSecret {
        self.endpoint_for(receiver, &["*"]).await
    }

    async fn endpoint_for(&self, receiver: &Receiver, events: &[&str]) -> WebhookEndpointSecret {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        let new = NewWebhookEndpoint { url: receiver.url(), description: None, events };
        self.house.create_webhook_endpoint(&self.staff(), new).await.expect("made")
    }

    /// The endpoint as it is now.
    async fn shown(&self, endpoint: WebhookEndpointId) -> WebhookEndpoint {
        let request = WebhookEndpointRef { endpoint };
        self.house.get_webhook_endpoint(&self.staff(), request).await.expect("shown")
    }

    /// The endpoint's deliveries, newest first.
    async fn deliveries(&self, endpoint: WebhookEndpointId) -> Vec<WebhookDelivery> {
        let request =
            ListWebhookDeliveries { endpoint, page: PageRequest::default(), state: None, kind: None };
        self.house.list_webhook_deliveries(&self.staff(), request).await.expect("listed").items
    }

    async fn log(&self, delivery: &WebhookDelivery) -> WebhookDeliveryLog {
        let request = WebhookDeliveryRef { endpoint: delivery.endpoint, delivery: delivery.id };
        self.house.get_webhook_delivery(&self.staff(), request).await.expect("shown")
    }

    /// Tells that an order was placed.
    async fn order_placed(&self) -> String {
        let order: OrderId = self.env.id();
        let event = self.event("order.placed", order, 1, json!({"total": 1999}));
        self.hear(std::slice::from_ref(&event)).await;
        event
    }

    async fn list<T: shoal_sql::FromRow + Send + 'static>(
        &self,
        statement: &'static shoal_sql::Statement,
    ) -> Vec<T> {
        let body =
            async move |tx: &mut shoal_sql::ReadTx| tx.list::<T>(statement, shoal_sql::params![]).await;
        self.house.database().read(&self.system(), body).await.expect("read")
    }

    async fn send_due(&self) {
        self.house.send_due_webhooks().await.expect("sent");
    }
}
