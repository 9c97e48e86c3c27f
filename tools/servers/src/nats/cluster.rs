use std::io;

use super::options::Member;
use super::{Nats, NatsOptions};
use crate::port;

/// Servers that are one: each knows the others.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<Nats>,
}

impl NatsCluster {
    /// Starts three new, empty servers.
    ///
    /// # Errors
    /// As [`Nats::start`].
    pub fn start(options: NatsOptions) -> io::Result<Self> {
        let ports = [port::free()?, port::free()?, port::free()?];
        let mut servers = Vec::new();
        for (index, own) in ports.iter().enumerate() {
            let member = Member { name: format!("n{}", index + 1), port: *own, routes: ports.to_vec() };
            servers.push(Nats::start_as(options.clone(), Some(member))?);
        }
        Ok(Self { servers })
    }

    /// Where they are reached.
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect();
        format!("nats://{}", hosts.join(","))
    }

    /// One of the three, from 0.
    pub fn server(&mut self, index: usize) -> Option<&mut Nats> {
        self.servers.get_mut(index)
    }
}
