use std::collections::HashSet;

use shoal_cluster::{Directory, Member};
use shoal_types::NodeId;

/// Calls `lost` each time nodes with that role are not heard of any more, or say farewell, as long as it is polled.
pub(crate) async fn watch_losses(directory: Directory, role: &str, lost: impl Fn()) {
    let mut changed = directory.changed();
    let mut known = alive(&directory.members(), role);
    while changed.changed().await.is_ok() {
        let present = alive(&directory.members(), role);
        if !known.is_subset(&present) {
            lost();
        }
        known = present;
    }
}

fn alive(members: &[Member], role: &str) -> HashSet<NodeId> {
    let has = |member: &&Member| member.alive && member.roles.iter().any(|own| **own == *role);
    members.iter().filter(has).map(|member| member.id).collect()
}
