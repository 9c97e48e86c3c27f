use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use shoal_sql::Source;
use shoal_types::{Rng as _, SystemRng};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

/// The schemas of a shop.
const SCHEMAS: [&str; 5] = ["users", "products", "orders", "checkout", "test_provider"];

/// A PostgreSQL server that measurements may use.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Reached>);

struct Reached {
    url: Url,
    /// Whether the role may make databases; if not, the named one is used.
    may_create: bool,
    /// The server's first process, if it is on this machine.
    pid: Option<u32>,
}

impl std::fmt::Debug for Reached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL holds a password.
        f.debug_struct("Reached").field("database", &self.url.database).finish_non_exhaustive()
    }
}

/// A database, or the schemas of a shop in one, made for a measurement and dropped with this.
pub(crate) struct Database {
    server: Server,
    name: String,
    url: String,
}

impl Server {
    /// Connects to the database of a URL and looks what may be done there.
    ///
    /// # Errors
    /// If it cannot be reached without encryption, or the role may not make databases and this one holds a shop.
    pub(crate) async fn reach(text: &str) -> anyhow::Result<Self> {
        // Says what is wrong with a URL in Shoal's own words.
        Source::parse(text)?;
        let url = Url::split(text);
        let client = connect(text).await?;
        let row = client
            .query_one(
                "select pg_backend_pid(),
                    (select rolsuper or rolcreatedb from pg_roles where rolname = current_user),
                    has_database_privilege(current_database(), 'create')",
                &[],
            )
            .await?;
        let (may_create, may_change): (bool, bool) = (row.try_get(1)?, row.try_get(2)?);
        if !may_create {
            ensure!(
                may_change,
                "the role may make neither databases nor schemas, one of which a measurement needs"
            );
            refuse_a_shop(&client, &url.database).await?;
        }
        let pid = first_process(row.try_get(0)?, text);
        Ok(Self(Arc::new(Reached { url, may_create, pid })))
    }

    /// Where the named database is, with the password.
    pub(crate) fn url(&self) -> String {
        self.0.url.text()
    }

    /// Its version, and whether it keeps what it commits.
    pub(crate) async fn describe(&self) -> anyhow::Result<String> {
        let client = connect(&self.0.url.text()).await?;
        let mut words = Vec::new();
        for setting in ["server_version", "fsync", "synchronous_commit"] {
            words.push(client.query_one(&format!("show {setting}"), &[]).await?.try_get::<_, String>(0)?);
        }
        let [version, fsync, commit] = &words[..] else { bail!("three settings were asked for") };
        if fsync != "on" || !["on", "remote_apply"].contains(&commit.as_str()) {
            eprintln!("this server forgets what it commits: its figures say nothing about durable checkouts");
        }
        Ok(format!("PostgreSQL {version}, fsync {fsync}, synchronous_commit {commit}"))
    }

    /// The server's first process, if it runs on this machine.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.0.pid
    }

    /// A new database for a shop; or the named one, if there cannot be another.
    pub(crate) async fn database(&self) -> anyhow::Result<Database> {
        let Url { database, .. } = &self.0.url;
        let client = connect(&self.0.url.text()).await?;
        if !self.0.may_create {
            refuse_a_shop(&client, database).await?;
            let (name, url) = (database.clone(), self.0.url.text());
            return Ok(Database { server: self.clone(), name, url });
        }
        let mut random = [0_u8; 8];
        SystemRng.fill(&mut random);
        let name = format!("shoal_bench_{:016x}", u64::from_le_bytes(random));
        client.batch_execute(&format!("create database {name}")).await?;
        let url = self.0.url.with_database(&name);
        Ok(Database { server: self.clone(), name, url })
    }

    async fn drop(&self, database: &str) -> anyhow::Result<()> {
        let client = connect(&self.0.url.text()).await?;
        let statement = match self.0.may_create {
            true => format!("drop database if exists {database} with (force)"),
            false => format!("drop schema if exists {} cascade", SCHEMAS.join(", ")),
        };
        Ok(client.batch_execute(&statement).await?)
    }
}

impl Database {
    /// Where it is, with the password.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its server.
    pub(crate) fn server(&self) -> &Server {
        &self.server
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A runtime of its own: this may be dropped because the one at work ends.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(server.drop(&name))
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("the database {} could not be cleared: {error:#}", self.name),
            Err(_) => eprintln!("the database {} could not be cleared", self.name),
        }
    }
}

/// A connection to the database of a URL, as the driver makes it.
///
/// # Errors
/// If the URL asks for encryption, which would hide what is measured, or the server does not answer.
pub(crate) async fn connect(url: &str) -> anyhow::Result<Client> {
    let plain = "measurements need a plain connection: to this machine, or with sslmode=disable alone";
    let config: Config = url.parse().context(plain)?;
    let unencrypted = config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable;
    ensure!(unencrypted || config.get_hosts().iter().all(is_here), plain);
    let (client, connection) = config.connect(NoTls).await.context("the database cannot be reached")?;
    tokio::spawn(async move {
        // Its end shows at the next statement.
        let _ = connection.await;
    });
    Ok(client)
}

async fn refuse_a_shop(client: &Client, database: &str) -> anyhow::Result<()> {
    let schemas = SCHEMAS.map(str::to_owned).to_vec();
    let rows =
        client.query("select nspname::text from pg_namespace where nspname = any($1)", &[&schemas]).await?;
    let found: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    ensure!(
        found.is_empty(),
        "the database {database} holds a shop (schema {}), which is not touched, and the role may not make another: \
         name an empty one",
        found.join(", ")
    );
    Ok(())
}

/// The parent of a backend, if the server is on this machine and sees its processes as we do.
fn first_process(backend: i32, url: &str) -> Option<u32> {
    let config: Config = url.parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{backend}/comm")).ok()?;
    if !config.get_hosts().iter().all(is_here) || name.trim() != "postgres" {
        return None;
    }
    crate::usage::parent(u32::try_from(backend).ok()?)
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
        }
    }
}

/// A URL in the parts that matter here.
struct Url {
    /// All before the name of the database.
    before: String,
    database: String,
    /// All after it.
    after: String,
}

impl Url {
    fn split(text: &str) -> Self {
        let (place, query) = text.split_once('?').map_or((text, None), |(place, query)| (place, Some(query)));
        let (before, database) = place.rsplit_once('/').unwrap_or((place, ""));
        let after = query.map_or_else(String::new, |query| format!("?{query}"));
        Self { before: before.to_owned(), database: database.to_owned(), after }
    }

    fn text(&self) -> String {
        self.with_database(&self.database)
    }

    fn with_database(&self, name: &str) -> String {
        format!("{}/{name}{}", self.before, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_another_database_and_keeps_the_rest() {
        for (url, other) in [
            (
                "postgres://ann:p%2Fw@a:1,b/shop?sslmode=disable",
                "postgres://ann:p%2Fw@a:1,b/x?sslmode=disable",
            ),
            ("postgres://ann@localhost/shop", "postgres://ann@localhost/x"),
        ] {
            let parts = Url::split(url);
            assert_eq!((parts.text().as_str(), parts.with_database("x").as_str()), (url, other));
            assert_eq!(parts.database, "shop");
        }
    }
}
