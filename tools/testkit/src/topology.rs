use std::fmt;

use shoal_sql::Engine;

/// Which roles run on which nodes. A client must not be able to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topology {
    /// One process does everything.
    Alone,
    /// So many nodes do everything, each.
    Equal(usize),
    /// Users, products, orders, notifications, and gateway with checkout: a process each, and one way in.
    Apart,
    /// Some of each on every node. Where several nodes may have a role, some have.
    Mixture,
}

impl Topology {
    /// Whether it may run over data on this engine: embedded data has one owner a house.
    pub fn allowed(self, engine: Engine) -> bool {
        match self {
            Self::Equal(nodes) => nodes == 1 || engine == Engine::Postgres,
            Self::Alone | Self::Apart | Self::Mixture => true,
        }
    }

    /// The roles of each node, in the words of `--roles`.
    pub(crate) fn roles(self, engine: Engine) -> Vec<&'static str> {
        match (self, engine) {
            (Self::Alone, _) => vec!["all"],
            (Self::Equal(nodes), _) => vec!["all"; nodes],
            (Self::Apart, _) => vec!["users", "products", "orders", "gateway,checkout", "notifications"],
            (Self::Mixture, Engine::Sqlite) => {
                vec!["gateway,users", "gateway,products,orders", "checkout,gateway,notifications"]
            }
            (Self::Mixture, Engine::Postgres) => vec![
                "gateway,users,orders,notifications",
                "gateway,products,orders",
                "checkout,gateway,products",
                "checkout,users,notifications",
            ],
        }
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone => f.write_str("one process"),
            Self::Equal(nodes) => write!(f, "{nodes} equal nodes"),
            Self::Apart => f.write_str("services apart"),
            Self::Mixture => f.write_str("a mixture"),
        }
    }
}
