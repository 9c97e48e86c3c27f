use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use shoal_types::NodeId;
use tokio::sync::watch;

use crate::Member;

/// Which nodes there are and which play a role, as this node knows it now. Cheap to clone and to read.
#[derive(Clone)]
pub struct Directory {
    published: Arc<Published>,
}

struct Published {
    snapshot: ArcSwap<Snapshot>,
    generation: watch::Sender<u64>,
}

struct Snapshot {
    members: Arc<[Member]>,
    by_role: HashMap<Arc<str>, Arc<[Member]>>,
    nobody: Arc<[Member]>,
}

impl Snapshot {
    fn new(members: Vec<Member>) -> Self {
        let mut by_role: HashMap<Arc<str>, Vec<Member>> = HashMap::new();
        for member in members.iter().filter(|member| member.is_available()) {
            for role in &member.roles {
                by_role.entry(role.clone()).or_default().push(member.clone());
            }
        }
        let by_role = by_role.into_iter().map(|(role, members)| (role, members.into())).collect();
        Self { members: members.into(), by_role, nobody: Arc::from([]) }
    }
}

impl Directory {
    pub(crate) fn new(members: Vec<Member>) -> Self {
        let snapshot = ArcSwap::from_pointee(Snapshot::new(members));
        Self { published: Arc::new(Published { snapshot, generation: watch::Sender::new(0) }) }
    }

    pub(crate) fn publish(&self, members: Vec<Member>) {
        self.published.snapshot.store(Arc::new(Snapshot::new(members)));
        self.published.generation.send_modify(|generation| *generation += 1);
    }

    /// The nodes that play `role`, are ready and alive, this one included; ordered by id.
    pub fn with_role(&self, role: &str) -> Arc<[Member]> {
        let snapshot = self.published.snapshot.load();
        snapshot.by_role.get(role).unwrap_or(&snapshot.nobody).clone()
    }

    /// All nodes that are known, this one, joining, draining and silent ones included; ordered by id.
    pub fn members(&self) -> Arc<[Member]> {
        self.published.snapshot.load().members.clone()
    }

    /// The node of that id, if it is known.
    pub fn member(&self, id: NodeId) -> Option<Member> {
        self.members().iter().find(|member| member.id == id).cloned()
    }

    /// Sees a new number after each change, of a load too.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.published.generation.subscribe()
    }

    /// Waits until `condition` holds; looks now and after each change.
    pub async fn until(&self, mut condition: impl FnMut(&Directory) -> bool) {
        let mut changed = self.changed();
        loop {
            changed.borrow_and_update();
            if condition(self) {
                return;
            }
            changed.changed().await.expect("the directory holds the sender");
        }
    }
}
