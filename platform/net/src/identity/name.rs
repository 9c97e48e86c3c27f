use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use shoal_types::NodeId;
use shoal_types::wire::Peer;
use webpki::EndEntityCert;

use super::{ClusterId, IdentityError};

const ROLES_MAX: usize = 32;
const ROLE_LEN_MAX: usize = 32;

/// What a certificate says of its node, as the one URI among its alternative names:
/// `shoal://CLUSTER/NODE?roles=users,orders`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) cluster: ClusterId,
    pub(super) node: NodeId,
    pub(super) roles: Arc<[Arc<str>]>,
}

impl Name {
    pub(super) fn new(cluster: ClusterId, node: NodeId, roles: &[&str]) -> Result<Self, IdentityError> {
        let wrong = roles.iter().find(|role| !is_role(role)).or(roles.get(ROLES_MAX));
        if let Some(role) = wrong {
            return Err(IdentityError::InvalidRole { role: (*role).to_owned() });
        }
        Ok(Self { cluster, node, roles: roles.iter().map(|role| Arc::from(*role)).collect() })
    }

    /// The name in a certificate; `None` if it is no node's. Says nothing of who signed it.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = EndEntityCert::try_from(certificate).ok()?;
        let mut names = certificate.valid_uri_names();
        let (name, second) = (names.next()?, names.next());
        if second.is_some() { None } else { Self::parse(name) }
    }

    /// Reads the URI. Parameters besides the roles are a later version's and are passed over.
    fn parse(uri: &str) -> Option<Self> {
        let (path, query) = uri.strip_prefix("shoal://")?.split_once('?')?;
        let (cluster, node) = path.split_once('/')?;
        let roles = query.split('&').find_map(|parameter| parameter.strip_prefix("roles="))?;
        let roles: Vec<&str> = roles.split(',').filter(|role| !role.is_empty()).collect();
        Self::new(cluster.parse().ok()?, node.parse().ok()?, &roles).ok()
    }

    pub(super) fn peer(self) -> Peer {
        Peer::new(self.node, self.roles)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shoal://{}/{}?roles={}", self.cluster, self.node, self.roles.join(","))
    }
}

fn is_role(role: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=ROLE_LEN_MAX).contains(&role.len()) && role.bytes().all(letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_types::Env;

    use super::*;

    fn name(roles: &[&str]) -> Name {
        let env = Env::system();
        Name::new(ClusterId::new(&env), NodeId::new(&env), roles).expect("valid roles")
    }

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for roles in [&["gateway"][..], &["users", "orders"], &[]] {
            let name = name(roles);
            assert_eq!(Name::parse(&name.to_string()), Some(name));
        }
        let newer = format!("{}&zone=north", name(&["users"]));
        assert_eq!(&*Name::parse(&newer).expect("readable").roles[0], "users");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let whole = name(&["users"]).to_string();
        for wrong in ["", "https://example.com/", &whole[1..], &whole[..60], &whole.replace("users", "Users")]
        {
            assert_eq!(Name::parse(wrong), None, "{wrong}");
        }
        for role in ["", "a,b", "a&b", "rôle", "x".repeat(33).as_str()] {
            let made = Name::new(ClusterId::new(&Env::system()), NodeId::new(&Env::system()), &[role]);
            assert_eq!(made, Err(IdentityError::InvalidRole { role: role.to_owned() }));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_not(text in "shoal://[0-9a-f-]{0,40}/[0-9a-f-]{0,40}\\?.{0,20}") {
            let _ = Name::parse(&text);
        }
    }
}
