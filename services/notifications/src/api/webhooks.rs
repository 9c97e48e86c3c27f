//! Webhook endpoints and the deliveries to them. Staff only.

mod deliveries;
mod endpoints;

pub(super) use deliveries::{get as get_delivery, list as list_deliveries, resend, resend_failed, test};
pub(super) use endpoints::{create, delete, get, list, rotate, switch, update};
pub(crate) use fan_out::fan_out;

mod fan_out;
