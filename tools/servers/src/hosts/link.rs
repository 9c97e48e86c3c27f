use std::io;

use super::host::Host;
use super::run::{ip, ip_in, tc};

/// A link as one of its ends sees it.
pub(super) struct Ends<'h> {
    pub(super) from: &'h Host,
    pub(super) to: &'h Host,
}

impl Ends<'_> {
    /// The device at this end.
    fn device(&self) -> String {
        format!("to-{}", self.to.index())
    }

    /// The hardware address of this end.
    fn hardware(&self) -> String {
        hardware(self.from, self.to)
    }

    /// Makes both ends.
    pub(super) fn make(&self) -> io::Result<()> {
        let back = Self { from: self.to, to: self.from };
        ip(&format!(
            "link add {} address {} netns {} type veth peer name {} address {} netns {}\n",
            self.device(),
            self.hardware(),
            self.from.name(),
            back.device(),
            back.hardware(),
            back.from.name(),
        ))
    }

    /// Switches this end on and sends there what is for the other.
    pub(super) fn open(&self) -> io::Result<()> {
        let (device, own, there) = (self.device(), self.from.address(), self.to.address());
        let lines = format!(
            "link set {device} up\n\
             route add {there}/32 dev {device} src {own} scope link\n"
        );
        ip_in(self.from.name(), &lines)?;
        self.reach()
    }

    /// Addresses the other end as what it is. Nobody asks for it, so that nothing but our word changes it.
    pub(super) fn reach(&self) -> io::Result<()> {
        self.address(&hardware(self.to, self.from))
    }

    /// Addresses nobody: the other end throws away what is not for it, and this one never learns of it.
    pub(super) fn lose(&self) -> io::Result<()> {
        self.address("02:53:ff:ff:ff:ff")
    }

    fn address(&self, hardware: &str) -> io::Result<()> {
        let (there, device) = (self.to.address(), self.device());
        let line = format!("neighbour replace {there} lladdr {hardware} nud permanent dev {device}\n");
        ip_in(self.from.name(), &line)
    }

    /// Lets so much through and no more.
    pub(super) fn slow(&self, kbit_per_s: u32) -> io::Result<()> {
        let limit = format!("root tbf rate {kbit_per_s}kbit burst 16kb latency 2s");
        self.queue(&format!("qdisc replace dev {} {limit}", self.device())).map(drop)
    }

    /// Takes the limit away, if there is one.
    pub(super) fn hurry(&self) -> io::Result<()> {
        let device = self.device();
        if self.queue(&format!("qdisc show dev {device}"))?.contains("tbf") {
            self.queue(&format!("qdisc delete dev {device} root"))?;
        }
        Ok(())
    }

    fn queue(&self, words: &str) -> io::Result<String> {
        tc(self.from.name(), words)
    }
}

/// Of the device at `at` that leads to `towards`: of ours to give (the second bit), and different for each.
fn hardware(at: &Host, towards: &Host) -> String {
    format!("02:53:00:00:{:02x}:{:02x}", at.index(), towards.index())
}
