/// One step in the history of a schema. Never changed once released.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub version: u32,
    /// Its file name.
    pub name: &'static str,
    /// Its statements, separated by semicolons.
    pub sql: &'static str,
}

impl Migration {
    /// Takes the version from the digits that `name` starts with.
    ///
    /// # Panics
    /// If it starts with none; at compile time when made by [`migrations!`](crate::migrations).
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        let bytes = name.as_bytes();
        let (mut version, mut place) = (0_u32, 0);
        while place < bytes.len() && bytes[place].is_ascii_digit() {
            version = version * 10 + (bytes[place] - b'0') as u32;
            place += 1;
        }
        assert!(version > 0, "a migration's name starts with its version, from 1: 0001_users.sql");
        Self { version, name, sql }
    }
}

/// The migrations of a house, in order, from its `migrations` folder.
///
/// `pub const MIGRATIONS: &[Migration] = migrations!["0001_users.sql", "0002_addresses.sql"];`
#[macro_export]
macro_rules! migrations {
    ($($file:literal),* $(,)?) => {
        &[$($crate::Migration::new(
            $file,
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $file)),
        )),*]
    };
}
