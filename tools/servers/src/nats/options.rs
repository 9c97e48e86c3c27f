use std::path::{Path, PathBuf};

use crate::postgres::Tls;

/// What a server is to be like.
#[derive(Debug, Clone, Default)]
pub struct NatsOptions {
    /// Who may connect.
    pub login: NatsLogin,
    /// Takes connections with TLS only, if given.
    pub tls: Option<Tls>,
    /// Whether it is started without JetStream.
    pub without_jetstream: bool,
    /// Where the server's folder is made; by default where temporary folders are.
    pub place: Option<PathBuf>,
}

/// Who may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NatsLogin {
    /// Everybody on this machine.
    #[default]
    Nobody,
    /// A user with a password; the URL has both.
    Password,
    /// Who has a token; the URL has it.
    Token,
}

/// A server among others.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where the others reach it.
    pub(super) port: u16,
    /// Where it reaches them.
    pub(super) routes: Vec<u16>,
}

impl NatsOptions {
    /// The text of its configuration.
    pub(super) fn lines(&self, port: u16, member: Option<&Member>, secret: &str, folder: &Path) -> String {
        let name = member.map_or_else(|| format!("shoal-{port}"), |member| member.name.clone());
        let mut lines = vec![format!("server_name: {name}"), "max_payload: 1MB".to_owned()];
        if !self.without_jetstream {
            lines.push(format!("jetstream {{ store_dir: \"{}\" }}", folder.join("store").display()));
        }
        match self.login {
            NatsLogin::Nobody => {}
            NatsLogin::Password => {
                lines.push(format!("authorization {{ user: shoal, password: \"{secret}\" }}"));
            }
            NatsLogin::Token => lines.push(format!("authorization {{ token: \"{secret}\" }}")),
        }
        if self.tls.is_some() {
            lines.push("tls { cert_file: \"server.crt\", key_file: \"server.key\" }".to_owned());
        }
        if let Some(Member { port, routes, .. }) = member {
            let routes: Vec<String> =
                routes.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect();
            lines.push(format!(
                "cluster {{ name: shoal, listen: \"127.0.0.1:{port}\", routes: [{}] }}",
                routes.join(", ")
            ));
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_what_it_is_given_and_nothing_else() {
        let lines = NatsOptions::default().lines(1, None, "s", Path::new("/data"));
        assert!(lines.contains("store_dir: \"/data/store\"") && !lines.contains("authorization"), "{lines}");
        let options =
            NatsOptions { login: NatsLogin::Token, without_jetstream: true, ..NatsOptions::default() };
        let lines = options.lines(1, None, "s", Path::new("/data"));
        assert!(lines.contains("token: \"s\"") && !lines.contains("jetstream"), "{lines}");
    }
}
