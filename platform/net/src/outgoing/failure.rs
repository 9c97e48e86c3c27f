use std::fmt;

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The name has no address, or nobody could say.
    Unresolved,
    /// Every address of the name lies where requests must not go.
    ForbiddenAddress {
        /// What kind of address it is: `loopback`.
        range: &'static str,
    },
    /// The port is none of those that may be used.
    ForbiddenPort {
        /// The port.
        port: u16,
    },
    /// Plain `http` may not be used.
    NotEncrypted,
    /// Nobody accepted the connection.
    Unreachable,
    /// The other end could not prove that it is who the URL names.
    Untrusted,
    /// The connection broke, or what came is no HTTP.
    Broken,
    /// It took too long.
    TimedOut,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved => f.write_str("the name has no address"),
            Self::ForbiddenAddress { range } => write!(f, "the address is not public: {range}"),
            Self::ForbiddenPort { port } => write!(f, "the port {port} may not be used"),
            Self::NotEncrypted => f.write_str("http may not be used"),
            Self::Unreachable => f.write_str("nobody accepted the connection"),
            Self::Untrusted => f.write_str("the certificate is not trusted"),
            Self::Broken => f.write_str("the connection broke before the answer"),
            Self::TimedOut => f.write_str("there was no answer in time"),
        }
    }
}

impl std::error::Error for Failure {}
