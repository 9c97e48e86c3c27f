use std::collections::HashMap;
use std::sync::Arc;

use shoal_types::wire::{Dispatch, Peer};
use shoal_types::{Caller, Env, Fault, NodeId};

use super::frame::Header;
use super::hush::Hush;
use crate::load::{Law, Meters, Places};

/// The services a node answers for.
#[derive(Clone)]
pub struct Services {
    pub(super) env: Env,
    by_name: Arc<HashMap<&'static str, Arc<dyn Dispatch>>>,
    forbidden: Arc<Hush<NodeId>>,
    pub(super) places: Arc<Places>,
}

impl Services {
    /// Answers for each of `services`.
    pub fn new(env: Env, services: impl IntoIterator<Item = Arc<dyn Dispatch>>) -> Self {
        let by_name = services.into_iter().map(|service| (service.service(), service)).collect();
        let meters = Meters {
            refused: metrics::counter!("rpc_server_refused_total"),
            in_flight: metrics::gauge!("rpc_server_in_flight"),
            limit: metrics::gauge!("rpc_server_limit"),
        };
        let places = Arc::new(Places::new(Law::CALLS, meters));
        Self { env, by_name: Arc::new(by_name), forbidden: Arc::default(), places }
    }

    /// The service of a call that `peer` may make. Nothing of the call's body has been read by then.
    pub(super) fn admit(&self, peer: &Peer, header: &Header<'_>) -> Result<&Arc<dyn Dispatch>, Fault> {
        let unavailable = || Fault::Unavailable { what: header.service.to_string() };
        let service = self.by_name.get(&*header.service).ok_or_else(unavailable)?;
        let Some(node) = peer.node() else { return Ok(service) };
        let callers = service.callers(&header.method);
        if callers.is_empty() {
            // Of a later version than ours, maybe: a node of that version may be asked.
            let text = format!("{} has no {}", header.service, header.method);
            return Err(Fault::invalid("method", "unknown_method", text));
        }
        let as_system = header.caller == Caller::System;
        if peer.has_any(callers) && (!as_system || peer.has_any(service.system_callers())) {
            return Ok(service);
        }
        metrics::counter!("rpc_calls_forbidden_total").increment(1);
        if self.forbidden.lets_log(&self.env, node) {
            let (service, method, roles) = (&*header.service, &*header.method, peer.roles().join(","));
            tracing::warn!(%node, roles, service, method, as_system, "a node asked for what its roles may not");
        }
        Err(Fault::Forbidden {})
    }
}
