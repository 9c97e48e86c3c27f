//! All nodes that have a service work on the same data; embedded data has exactly one owner, whose files the others reach
//! through it.

use shoal_cluster::Member;

use super::HOUSES;

shoal_types::errors! {
    /// Why a node may not be what it is set to be.
    pub enum Conflict {
        /// Another node has the same service on other data: the two would keep other users, products or orders under the
        /// same names. Embedded data has one owner. Start this node without the role, or let all nodes that have it share a
        /// PostgreSQL database, named alike in `--data postgres://..`.
        SecondOwner { role: String, node: String, address: String } => (Conflict, "second_owner",
            "{role} belongs to the node {node} at {address}, which has other data"),
    }
}

/// The house of `me` that an elder node has on other data.
pub(super) fn second_owner(me: &Member, all: &[Member]) -> Option<Conflict> {
    elders(me, all).filter(|elder| elder.data != me.data).find_map(|elder| shared_house(me, elder))
}

/// The house of `me` that an elder node has on the same data. On embedded data it is who had the files before, and is gone
/// though the others have not noticed yet; or somebody has copied them.
pub(super) fn twin(me: &Member, all: &[Member]) -> Option<Conflict> {
    elders(me, all).filter(|elder| elder.data == me.data).find_map(|elder| shared_house(me, elder))
}

/// The nodes that began before this one, and live.
fn elders<'m>(me: &'m Member, all: &'m [Member]) -> impl Iterator<Item = &'m Member> {
    let seniority = |member: &Member| (member.started_at, member.id);
    all.iter().filter(move |other| other.alive && seniority(other) < seniority(me))
}

fn shared_house(me: &Member, elder: &Member) -> Option<Conflict> {
    let has = |member: &Member, role: &str| member.roles.iter().any(|own| **own == *role);
    let role = HOUSES.iter().map(|role| role.as_str()).find(|role| has(me, role) && has(elder, role))?;
    Some(Conflict::SecondOwner {
        role: role.to_owned(),
        node: elder.name.to_string(),
        address: elder.peer_address.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use shoal_cluster::Fingerprint;
    use shoal_types::{Env, NodeId, Timestamp};

    use super::*;

    fn member(name: &str, roles: &[&str], started: i64, data: &str) -> Member {
        let address = "127.0.0.1:7171".parse().expect("an address");
        let id = NodeId::new(&Env::system());
        let data = Some(Fingerprint::of(data.as_bytes()));
        Member { data, ..Member::new(id, name, "0.1.0", roles, address, Timestamp::from_micros(started)) }
    }

    #[test]
    fn the_elder_owns_a_house() {
        let elder = member("elder", &["gateway", "users"], 1, "its own");
        let younger = member("younger", &["gateway", "users", "orders"], 2, "another");
        let all = [elder.clone(), younger.clone()];
        let Some(Conflict::SecondOwner { role, node, .. }) = second_owner(&younger, &all) else {
            panic!("the younger is refused")
        };
        assert_eq!((role.as_str(), node.as_str()), ("users", "elder"));
        assert_eq!(second_owner(&elder, &all), None);
    }

    #[test]
    fn gateways_and_shared_data_belong_to_all() {
        let one = member("one", &["gateway", "users"], 1, "postgres://db/shoal");
        let other = member("other", &["gateway", "users"], 2, "postgres://db/shoal");
        assert_eq!(second_owner(&other, &[one, other.clone()]), None);
        let gateway = member("gateway", &["gateway"], 1, "nothing");
        let users = member("users", &["gateway", "users"], 2, "its own");
        assert_eq!(second_owner(&users, &[gateway, users.clone()]), None);
    }

    #[test]
    fn who_comes_back_to_its_data_is_a_twin_until_its_former_self_is_known_to_be_gone() {
        let before = member("before", &["users"], 1, "its own");
        let after = member("after", &["users"], 2, "its own");
        assert_eq!(second_owner(&after, &[before.clone(), after.clone()]), None);
        assert!(twin(&after, &[before.clone(), after.clone()]).is_some());
        let silent = Member { alive: false, ..before };
        assert_eq!(twin(&after, &[silent, after.clone()]), None);
    }
}
