//! Webhook endpoints, the deliveries to them and the attempts at these.

mod deliveries;
mod endpoints;

pub(crate) use deliveries::{
    Due, NewDelivery, add, add_attempt, claim, end_attempt, expire, find, list, list_attempts, list_due,
    list_failed, resend,
};
pub(crate) use endpoints::{
    add_endpoint, disable, find_endpoint, hold_endpoint, list_endpoints, list_listeners, list_waiting,
    mark_failing, mark_well, remove_endpoint, rest, save_endpoint,
};

shoal_sql::statements! {
    pub mod sql {
        COUNT_ENDPOINT = "update webhook_totals set total = total + 1 where name = 'endpoints' and total < $1";
        UNCOUNT_ENDPOINT = "update webhook_totals set total = total - 1 where name = 'endpoints' and total > 0";
        ADD_ENDPOINT = include_str!("webhooks/add_endpoint.sql");
        FIND_ENDPOINT = include_str!("webhooks/find_endpoint.sql");
        HOLD_ENDPOINT = include_str!("webhooks/hold_endpoint.sql");
        LIST_ENDPOINTS = include_str!("webhooks/list_endpoints.sql");
        LIST_WAITING = include_str!("webhooks/list_waiting.sql");
        LIST_LISTENERS = "select endpoint_id, events
            from webhook_endpoints where enabled = 1 order by endpoint_id limit $1";
        SAVE_ENDPOINT = include_str!("webhooks/save_endpoint.sql");
        MARK_FAILING = "update webhook_endpoints set failing_since = $2, version = version + 1
            where endpoint_id = $1 and failing_since is null";
        MARK_WELL = "update webhook_endpoints set failing_since = null, version = version + 1
            where endpoint_id = $1 and failing_since is not null";
        REST = "update webhook_endpoints set rest_until = $2 where endpoint_id = $1 and rest_until < $2";
        DISABLE = include_str!("webhooks/disable.sql");
        REMOVE_ENDPOINT = "delete from webhook_endpoints where endpoint_id = $1";
        ADD_DELIVERIES = include_str!("webhooks/add_deliveries.sql");
        FIND_DELIVERY = include_str!("webhooks/find_delivery.sql");
        FIND_BODY = "select body from webhook_deliveries where endpoint_id = $1 and delivery_id = $2";
        LIST_DELIVERIES = include_str!("webhooks/list_deliveries.sql");
        LIST_DUE = include_str!("webhooks/list_due.sql");
        CLAIM_DELIVERIES = include_str!("webhooks/claim_deliveries.sql");
        END_ATTEMPT = include_str!("webhooks/end_attempt.sql");
        RESEND_DELIVERIES = include_str!("webhooks/resend_deliveries.sql");
        LIST_FAILED = include_str!("webhooks/list_failed.sql");
        LIST_OLD = include_str!("webhooks/list_old.sql");
        REMOVE_DELIVERIES = "delete from webhook_deliveries
            where (endpoint_id, delivery_id) in (values {rows:uuid,uuid})";
        REMOVE_ATTEMPTS = "delete from webhook_attempts
            where (endpoint_id, delivery_id) in (values {rows:uuid,uuid})";
        ADD_ATTEMPT = include_str!("webhooks/add_attempt.sql");
        LIST_ATTEMPTS = include_str!("webhooks/list_attempts.sql");
    }
}
