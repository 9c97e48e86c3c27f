//! A connection to PostgreSQL that knows nothing of the houses' code.

use std::thread::JoinHandle;

use tokio_postgres::{Client, NoTls};

/// Runs `work` with a connection to the database at this URL, on a thread of its own: the caller may be on any runtime.
pub(crate) fn connected<T, W>(address: &str, work: W) -> JoinHandle<T>
where
    T: Send + 'static,
    W: AsyncFnOnce(Client) -> T + Send + 'static,
{
    let address = address.to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a thread has a runtime").block_on(async move {
            let (client, connection) =
                tokio_postgres::connect(&address, NoTls).await.expect("the database answers");
            // It ends with its client.
            tokio::spawn(connection);
            work(client).await
        })
    })
}

/// Whether data at this address is on PostgreSQL.
pub(crate) fn is_postgres(address: &str) -> bool {
    address.starts_with("postgres")
}

/// The schema of a house.
pub(crate) fn schema_of(house: &str) -> String {
    house.replace('-', "_")
}
