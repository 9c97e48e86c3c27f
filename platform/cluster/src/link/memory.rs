use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use shoal_types::Env;
use tokio::sync::mpsc;

use super::Link;

/// Packets waiting for one node; further ones are lost, as in a socket's buffer.
const QUEUE_MAX: usize = 1_024;

/// A network within the process, for tests and simulations: it can lose packets and fall apart.
#[derive(Clone)]
pub struct MemoryNetwork {
    env: Env,
    wires: Arc<Mutex<Wires>>,
}

type Packet = (Vec<u8>, SocketAddr);

#[derive(Default)]
struct Wires {
    queues: HashMap<SocketAddr, mpsc::Sender<Packet>>,
    /// Which side of the partition an address is on; 0 if it is not named.
    sides: HashMap<SocketAddr, usize>,
    loss_permille: u32,
}

impl MemoryNetwork {
    /// A network without nodes, which loses nothing.
    pub fn new(env: Env) -> Self {
        Self { env, wires: Arc::default() }
    }

    /// Plugs a node in at `address`, in place of the one that was there.
    pub fn link(&self, address: SocketAddr) -> MemoryLink {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        self.wires().queues.insert(address, sender);
        MemoryLink { network: self.clone(), address, queue: tokio::sync::Mutex::new(receiver) }
    }

    /// Loses this many of 1000 packets from now on.
    pub fn lose_permille(&self, permille: u32) {
        self.wires().loss_permille = permille;
    }

    /// Cuts the network: packets pass only among the addresses of one side, and among those that no side names.
    pub fn partition(&self, sides: &[Vec<SocketAddr>]) {
        let numbered = sides.iter().zip(1..);
        let sides = numbered.flat_map(|(side, number)| side.iter().map(move |address| (*address, number)));
        self.wires().sides = sides.collect();
    }

    /// Makes it one network again.
    pub fn heal(&self) {
        self.wires().sides.clear();
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        self.wires.lock().expect("nobody panics while holding the wires")
    }

    fn carry(&self, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        let wires = self.wires();
        let side = |address| wires.sides.get(address).copied().unwrap_or(0);
        if side(&from) != side(&to) || self.env.rng().below(1_000) < wires.loss_permille {
            return;
        }
        if let Some(queue) = wires.queues.get(&to) {
            // A full or closed queue loses the packet, as a network does.
            let _ = queue.try_send((packet.to_vec(), from));
        }
    }
}

/// A node's end of a [`MemoryNetwork`].
pub struct MemoryLink {
    network: MemoryNetwork,
    address: SocketAddr,
    queue: tokio::sync::Mutex<mpsc::Receiver<Packet>>,
}

#[async_trait]
impl Link for MemoryLink {
    fn local_address(&self) -> SocketAddr {
        self.address
    }

    async fn send(&self, to: SocketAddr, packet: &[u8]) -> io::Result<()> {
        self.network.carry(self.address, to, packet);
        Ok(())
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = self.queue.lock().await.recv().await;
        let (packet, from) = received.ok_or(io::ErrorKind::BrokenPipe)?;
        let length = packet.len().min(buffer.len());
        buffer[..length].copy_from_slice(&packet[..length]);
        Ok((length, from))
    }
}
