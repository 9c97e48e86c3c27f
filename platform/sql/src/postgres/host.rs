use std::net::IpAddr;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::failure::Failure;

/// How long the addresses of a name are waited for.
const LOOK_UP_MAX: Duration = Duration::from_secs(3);

/// One place that may be the database.
pub(super) struct Candidate {
    /// As it is named in messages: `db.example:5432`.
    pub(super) name: String,
    pub(super) config: Config,
}

/// The hosts of `config`, one at each address of theirs, and those whose addresses cannot be found.
pub(super) async fn candidates(config: &Config) -> (Vec<Candidate>, Vec<(String, Failure)>) {
    let hosts = (0..config.get_hosts().len()).map(|index| addresses(config, index));
    let (mut found, mut lost) = (Vec::new(), Vec::new());
    for (name, outcome) in futures::future::join_all(hosts).await {
        match outcome {
            Ok(configs) => {
                found.extend(configs.into_iter().map(|config| Candidate { name: name.clone(), config }))
            }
            Err(detail) => lost.push((name, Failure::lost(detail))),
        }
    }
    (found, lost)
}

/// The host at `index` as it is named, and what to connect to it with.
async fn addresses(config: &Config, index: usize) -> (String, Result<Vec<Config>, String>) {
    let host = &config.get_hosts()[index];
    let ports = config.get_ports();
    let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let at = |address: Option<IpAddr>| only(config, host, address, port);
    let name = match host {
        Host::Unix(path) => return (path.display().to_string(), Ok(vec![at(None)])),
        Host::Tcp(name) => name,
    };
    let shown = format!("{name}:{port}");
    if let Some(address) = config.get_hostaddrs().get(index) {
        return (shown, Ok(vec![at(Some(*address))]));
    }
    let found = match timeout(LOOK_UP_MAX, tokio::net::lookup_host((name.as_str(), port))).await {
        Ok(Ok(found)) => Ok(found.map(|address| at(Some(address.ip()))).collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("its address was not found within {LOOK_UP_MAX:?}")),
    };
    (shown, found)
}

/// `config` with one host only.
fn only(all: &Config, host: &Host, address: Option<IpAddr>, port: u16) -> Config {
    let mut one = Config::new();
    match host {
        Host::Tcp(name) => one.host(name),
        Host::Unix(path) => one.host_path(path),
    };
    one.port(port).ssl_mode(all.get_ssl_mode()).ssl_negotiation(all.get_ssl_negotiation());
    one.channel_binding(all.get_channel_binding()).keepalives(all.get_keepalives());
    one.keepalives_idle(all.get_keepalives_idle());
    // Each has a value: `Server::parse` and `Server::config` see to it, but for the password and the options.
    address.map(|address| one.hostaddr(address));
    all.get_user().map(|user| one.user(user));
    all.get_password().map(|password| one.password(password));
    all.get_dbname().map(|name| one.dbname(name));
    all.get_options().map(|options| one.options(options));
    all.get_application_name().map(|name| one.application_name(name));
    all.get_connect_timeout().map(|limit| one.connect_timeout(*limit));
    all.get_tcp_user_timeout().map(|limit| one.tcp_user_timeout(*limit));
    all.get_keepalives_interval().map(|interval| one.keepalives_interval(interval));
    all.get_keepalives_retries().map(|retries| one.keepalives_retries(retries));
    one
}
