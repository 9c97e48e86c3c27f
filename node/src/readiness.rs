//! When a node says that it wants work.

use std::sync::Arc;
use std::time::Duration;

use shoal_cluster::Directory;
use shoal_net::http::Health;
use shoal_sql::Source;
use tokio::time::timeout;

use crate::cluster::Membership;
use crate::config::{Role, Roles};

/// How long a node that starts is not ready for want of others.
const ACQUAINTED_WITHIN: Duration = Duration::from_secs(10);

/// The services that a node with these roles asks of others.
pub(crate) fn strangers(roles: &Roles) -> Vec<&'static str> {
    let needed: &[Role] = if roles.has(Role::Gateway) {
        // Without the others people can buy as well.
        &[Role::Users, Role::Products, Role::Orders, Role::Checkout]
    } else if roles.has(Role::Checkout) {
        &[Role::Products, Role::Orders]
    } else if roles.has(Role::Orders) {
        &[Role::Products]
    } else {
        &[]
    };
    needed.iter().filter(|role| !roles.has(**role)).map(|role| role.as_str()).collect()
}

/// Resolves once a node is known for each of these services: before that a balancer would send people to a node that can
/// do little for them. One that is nowhere keeps no node from doing the rest for long.
pub(crate) async fn acquainted(directory: Directory, services: Vec<&'static str>) {
    let away = |directory: &Directory| {
        services.iter().copied().filter(|role| directory.with_role(role).is_empty()).collect::<Vec<_>>()
    };
    let met = directory.until(|directory| away(directory).is_empty());
    if timeout(ACQUAINTED_WITHIN, met).await.is_err() {
        tracing::warn!(away = ?away(&directory), "ready, though no node is known that has these services");
    }
}

/// Has balancers and the other nodes leave this one out for as long as no server of its data answers: it refuses what it is
/// asked then.
pub(crate) async fn tell_outages(data: Source, health: Health, membership: Option<Arc<Membership>>) {
    loop {
        data.until_answering(false).await;
        health.wait();
        if let Some(membership) = &membership {
            membership.wait();
        }
        data.until_answering(true).await;
        health.ready();
        // What it tells was told before: it fits.
        drop(membership.as_ref().map(|membership| membership.ready()));
    }
}
