use std::sync::{Arc, Mutex, PoisonError};

use shoal_cluster::{Directory, Member};
use shoal_net::rpc::{Peers, Target};
use shoal_types::NodeId;

/// The nodes that answer for a service, as the directory of the cluster has them: those whose role bears its name.
pub(super) struct Known {
    directory: Directory,
    /// What was made of the members of a role the last time: as long as nothing changes, the same list is given.
    made: Mutex<Vec<Made>>,
}

struct Made {
    service: String,
    of: Arc<[Member]>,
    targets: Arc<[Target]>,
}

impl Known {
    pub(super) fn new(directory: Directory) -> Self {
        Self { directory, made: Mutex::default() }
    }
}

impl Peers for Known {
    fn with_service(&self, service: &str) -> Arc<[Target]> {
        let members = self.directory.with_role(service);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        match made.iter_mut().find(|made| made.service == service) {
            Some(made) if Arc::ptr_eq(&made.of, &members) => {}
            Some(made) => *made = Made::new(service, members),
            None => made.push(Made::new(service, members)),
        }
        made.iter()
            .find(|made| made.service == service)
            .map_or_else(Arc::default, |made| made.targets.clone())
    }
}

impl Made {
    fn new(service: &str, of: Arc<[Member]>) -> Self {
        let target = |member: &Member| Target { node: member.id, address: member.peer_address };
        let targets = of.iter().map(target).collect();
        Self { service: service.to_owned(), of, targets }
    }
}

/// One node and no other, whatever is asked.
pub(super) struct Only(Arc<[Target]>);

impl Only {
    pub(super) fn new(node: NodeId, address: std::net::SocketAddr) -> Self {
        Self([Target { node, address }].into())
    }
}

impl Peers for Only {
    fn with_service(&self, _: &str) -> Arc<[Target]> {
        self.0.clone()
    }
}
