//! The command line. Data goes to standard output, all else to standard error.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use shoal_sql::Trouble;
use shoal_types::Fact;

use crate::command;
use crate::config::{Loaded, Role, Sources, load};
use crate::logging;

/// A commerce platform that is right when it is busy.
#[derive(Debug, Parser)]
#[command(name = "shoal", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Flags of every command; each is a key of the configuration too.
#[derive(Debug, Args)]
struct Common {
    /// Read the configuration from this file.
    #[arg(long, global = true, value_name = "FILE", env = "SHOAL_CONFIG")]
    config: Option<PathBuf>,
    /// Keep the data in this directory, or in the PostgreSQL database of this URL.
    #[arg(long, global = true, value_name = "DIR|URL")]
    data: Option<String>,
    /// Let events travel in-process, or by the NATS servers of this URL.
    #[arg(long, global = true, value_name = "in-process|URL")]
    queue: Option<String>,
    /// Log this: error, warn, info, debug, or a filter.
    #[arg(long, global = true, value_name = "LEVEL")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a sample shop: everything, on embedded data, ready to buy from.
    Demo(Demo),
    /// Run this node.
    Serve(Serve),
    /// Bring products, categories, users or orders in from a file.
    Import(command::exchange::Import),
    /// Write products, categories, users or orders to a file.
    Export(command::exchange::Export),
    /// Measure, with the floors in the same run.
    Bench(shoal_bench::Bench),
    /// Make administrators.
    Admin(command::admin::Admin),
    /// Bring the data to this version's schema, then stop.
    Migrate(command::migrate::Migrate),
    /// Copy the embedded data, as of one instant, while a node serves it.
    Backup(command::backup::Backup),
    /// Bring the embedded data back from a backup.
    Restore(command::backup::Restore),
    /// Move the data to another place: from a directory to PostgreSQL, or back.
    ///
    /// No node may serve it meanwhile. Nothing is removed: what is left behind is marked and no longer served. Cut short,
    /// run it again to go on. Every table is compared by count and checksum before the other place may be served.
    Move(command::move_shop::MoveShop),
    /// Run many nodes as one shop: make their secret, start some here, see how they are.
    Cluster(command::cluster::ClusterCommand),
    /// See what became of events: dead letters, what is published; offer them again.
    Events(command::events::Events),
    /// Show or check the configuration.
    Config(command::config::ConfigCommand),
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
}

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Serve on this address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Forget what an earlier demo left and begin anew.
    #[arg(long)]
    pub(crate) fresh: bool,
}

/// Flags of `serve`.
#[derive(Debug, Args)]
struct Serve {
    /// Serve the public API on this address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Do only this: all, gateway, users, products, orders, checkout, notifications.
    #[arg(long, value_name = "ROLE", value_enum, value_delimiter = ',')]
    roles: Vec<Role>,
    /// Be a node of the cluster of this secret, a file of `shoal cluster init`.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Answer other nodes on this address.
    #[arg(long, value_name = "ADDR")]
    peer_listen: Option<String>,
    /// Find the others through these nodes, any that may be up.
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    join: Vec<String>,
    /// Call this node so.
    #[arg(long, value_name = "NAME")]
    node_name: Option<String>,
    /// Take payments with the built-in test provider.
    #[arg(long)]
    test_provider: bool,
}

impl Cli {
    /// Runs the command and says how it went: 0 done, 1 failed, 2 not understood.
    pub fn run(self) -> ExitCode {
        match self.execute() {
            Ok(code) => code,
            Err(error) => {
                eprintln!("error: {error:#}");
                if let Some(page) = page(&error) {
                    eprintln!("what it means and what to do: {page}");
                }
                ExitCode::FAILURE
            }
        }
    }

    fn execute(self) -> anyhow::Result<ExitCode> {
        let loaded = load(&Sources::from_environment(self.common.config.clone(), self.flags()))?;
        logging::start(&loaded.config.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(self.command.run(loaded, self.common.data, self.common.queue))
    }

    /// The flags that stand for keys.
    fn flags(&self) -> Vec<(&'static str, String)> {
        let mut flags = Vec::new();
        let mut add = |key, value: &Option<String>| flags.extend(value.clone().map(|text| (key, text)));
        add("data", &self.common.data);
        add("queue.url", &self.common.queue);
        match (&self.command, &self.common.log) {
            // A newcomer wants to see the shop, whoever measures the figures, whoever moves the bar, whoever asks for the
            // nodes their table: not the start.
            (
                Command::Demo(_)
                | Command::Bench(_)
                | Command::Move(_)
                | Command::Cluster(_)
                | Command::Events(_),
                None,
            ) => add("log.level", &Some("warn".to_owned())),
            (_, level) => add("log.level", level),
        }
        match &self.command {
            Command::Demo(demo) => add("http.listen", &demo.listen),
            Command::Serve(serve) => {
                add("http.listen", &serve.listen);
                add("cluster.listen", &serve.peer_listen);
                add("cluster.name", &serve.node_name);
                flags.extend(serve.flags());
            }
            _ => {}
        }
        flags
    }
}

impl Serve {
    fn flags(&self) -> Vec<(&'static str, String)> {
        let mut flags = Vec::new();
        if !self.roles.is_empty() {
            let names: Vec<_> = self.roles.iter().map(|role| format!("{role:?}").to_lowercase()).collect();
            flags.push(("roles", names.join(",")));
        }
        if !self.join.is_empty() {
            flags.push(("cluster.join", self.join.join(",")));
        }
        let bundle = self.bundle.as_ref().map(|bundle| bundle.display().to_string());
        flags.extend(bundle.map(|bundle| ("cluster.bundle", bundle)));
        if self.test_provider {
            flags.push(("checkout.test_provider", "true".to_owned()));
        }
        flags
    }
}

impl Command {
    /// `data` and `queue` are the flags as they were given, with the passwords that the configuration does not show.
    async fn run(
        self,
        loaded: Loaded,
        data: Option<String>,
        queue: Option<String>,
    ) -> anyhow::Result<ExitCode> {
        match self {
            Self::Demo(demo) => command::demo::run(demo, loaded).await,
            Self::Serve(_) => command::serve::run(loaded.config).await,
            Self::Import(import) => import.run(loaded.config).await,
            Self::Export(export) => export.run(loaded.config).await,
            Self::Bench(bench) => bench.run(data.as_deref()).await,
            Self::Admin(admin) => admin.run(loaded.config).await,
            Self::Migrate(migrate) => migrate.run(loaded.config).await,
            Self::Backup(backup) => backup.run(loaded.config).await,
            Self::Restore(restore) => restore.run(loaded.config).await,
            Self::Move(shop) => shop.run(loaded.config).await,
            Self::Cluster(cluster) => cluster.run(loaded, data, queue).await,
            Self::Events(events) => events.run(loaded.config).await,
            Self::Config(config) => config.run(&loaded),
            Self::Openapi => command::openapi::run(),
        }
    }
}

/// The page about an error of the data, if there is one.
fn page(error: &anyhow::Error) -> Option<String> {
    use shoal_products::OpenError;
    let trouble = |error| Trouble::of(error).map(|trouble| trouble.code());
    let code = error.chain().find_map(|cause| match cause.downcast_ref::<OpenError>() {
        Some(OpenError::Database(error)) => trouble(error),
        _ => {
            let of_backup = cause.downcast_ref::<command::backup::Error>().map(Fact::code);
            let of_move = cause.downcast_ref::<command::move_shop::Error>().map(Fact::code);
            let of_data = || cause.downcast_ref::<shoal_sql::Error>().and_then(trouble);
            of_backup.or(of_move).or_else(of_data).or_else(|| of_cluster(cause))
        }
    });
    code.map(|code| format!("docs/errors/{code}.md"))
}

/// The code of an error between nodes, or between them and the queue.
fn of_cluster(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    let of_identity = cause.downcast_ref::<shoal_net::identity::IdentityError>().map(Fact::code);
    let of_handshake = cause.downcast_ref::<shoal_net::identity::HandshakeError>().map(Fact::code);
    let of_gossip = cause.downcast_ref::<shoal_cluster::ClusterError>().map(Fact::code);
    let of_address = cause.downcast_ref::<shoal_net::AddressError>().map(Fact::code);
    let of_owner = cause.downcast_ref::<crate::cluster::Conflict>().map(Fact::code);
    let of_queue = cause.downcast_ref::<shoal_queue::nats::QueueError>().map(Fact::code);
    of_identity.or(of_handshake).or(of_gossip).or(of_address).or(of_owner).or(of_queue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_keys() {
        let cli = Cli::try_parse_from([
            "shoal",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--roles",
            "users,orders",
            "--join",
            "a:1,b:2",
        ]);
        let flags = cli.expect("valid").flags();
        assert!(flags.contains(&("roles", "users,orders".to_owned())));
        assert!(flags.contains(&("cluster.join", "a:1,b:2".to_owned())));
        assert!(flags.contains(&("http.listen", "127.0.0.1:0".to_owned())));
    }
}
