//! On embedded data each house has exactly one owner, whose files the others reach through it.

use shoal_cluster::Member;

use super::HOUSES;

shoal_types::errors! {
    /// Why a node may not be what it is set to be.
    pub enum Conflict {
        /// Embedded data has one owner: a second node with the same service would keep other users, products or orders
        /// under the same names. Start this node without the role, or let all nodes that have it share a PostgreSQL
        /// database with `--data postgres://..`.
        SecondOwner { role: String, node: String, address: String } => (Conflict, "second_owner",
            "{role} belongs to the node {node} at {address}, and embedded data has one owner"),
    }
}

/// The house of `me` that another node has with the better right: it began earlier, and one of the two keeps data of its
/// own.
pub(crate) fn second_owner(me: &Member, all: &[Member]) -> Option<Conflict> {
    let own = |member: &Member, role: &str| member.roles.iter().any(|own| **own == *role);
    let seniority = |member: &Member| (member.started_at, member.id);
    let elder = |other: &&Member| other.alive && other.id != me.id && seniority(other) < seniority(me);
    all.iter().filter(elder).filter(|other| me.data.is_none() || other.data.is_none()).find_map(|other| {
        let role = HOUSES.iter().map(|role| role.as_str()).find(|role| own(me, role) && own(other, role))?;
        Some(Conflict::SecondOwner {
            role: role.to_owned(),
            node: other.name.to_string(),
            address: other.peer_address.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use shoal_cluster::Fingerprint;
    use shoal_types::{Env, NodeId, Timestamp};

    use super::*;

    fn member(name: &str, roles: &[&str], started: i64) -> Member {
        let address = "127.0.0.1:7171".parse().expect("an address");
        let id = NodeId::new(&Env::system());
        Member::new(id, name, "0.1.0", roles, address, Timestamp::from_micros(started))
    }

    #[test]
    fn the_elder_owns_a_house_on_embedded_data() {
        let elder = member("elder", &["gateway", "users"], 1);
        let younger = member("younger", &["gateway", "users", "orders"], 2);
        let all = [elder.clone(), younger.clone()];
        assert!(
            matches!(second_owner(&younger, &all), Some(Conflict::SecondOwner { role, node, .. }) if role == "users" && node == "elder")
        );
        assert_eq!(second_owner(&elder, &all), None);
    }

    #[test]
    fn gateways_and_shared_data_belong_to_all() {
        let shared = |name, started| Member {
            data: Some(Fingerprint::of(b"postgres://db/shoal")),
            ..member(name, &["gateway", "users"], started)
        };
        let (one, other) = (shared("one", 1), shared("other", 2));
        assert_eq!(second_owner(&other, &[one, other.clone()]), None);
        let (gateway, users) =
            (member("gateway", &["gateway"], 1), member("users", &["gateway", "users"], 2));
        assert_eq!(second_owner(&users, &[gateway, users.clone()]), None);
    }

    #[test]
    fn who_fell_silent_owns_nothing() {
        let gone = Member { alive: false, ..member("gone", &["users"], 1) };
        let heir = member("heir", &["users"], 2);
        assert_eq!(second_owner(&heir, &[gone, heir.clone()]), None);
    }
}
