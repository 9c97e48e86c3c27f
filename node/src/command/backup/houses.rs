use shoal_sql::Migration;

/// A file of embedded data.
pub(in crate::command) struct House {
    pub(in crate::command) name: &'static str,
    pub(in crate::command) migrations: &'static [Migration],
}

/// Every file there can be. Their locks are taken in this order.
pub(in crate::command) static HOUSES: [House; 6] = [
    House { name: "users", migrations: shoal_users::MIGRATIONS },
    House { name: "products", migrations: shoal_products::MIGRATIONS },
    House { name: "orders", migrations: shoal_orders::MIGRATIONS },
    House { name: "checkout", migrations: shoal_checkout::MIGRATIONS },
    House { name: "notifications", migrations: shoal_notifications::MIGRATIONS },
    House { name: "test-provider", migrations: shoal_checkout::TEST_PROVIDER_MIGRATIONS },
];
/// What else in the directory says something about the data, and goes aside with it: the search index, which is made anew
/// when it is missing, and the mark of a move.
pub(super) const BESIDE: [&str; 2] = ["search", "moving"];

impl House {
    /// `users.db`
    pub(super) fn file(&self) -> String {
        format!("{}.db", self.name)
    }
}
