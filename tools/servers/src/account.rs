//! Servers that refuse to run as root run as somebody else.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Who runs servers when this process is root: the first of them that is there.
const NAMES: &[&str] = &["postgres", "nobody"];

/// An account of this machine without privileges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    user: u32,
    group: u32,
}

impl Account {
    /// The account to run servers as; `None` if it is the one that made the file `ours`, which is not root.
    pub(crate) fn unprivileged(ours: &Path) -> io::Result<Option<Self>> {
        if fs::metadata(ours)?.uid() != 0 {
            return Ok(None);
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        let found = NAMES.iter().find_map(|name| named(name, &accounts));
        found.map(Some).ok_or_else(|| {
            io::Error::other(format!("no account to run a server as: none of {NAMES:?} is in /etc/passwd"))
        })
    }

    /// Makes the command run as this account, without root's further groups.
    pub(crate) fn run(self, command: &mut Command) {
        command.uid(self.user).gid(self.group);
    }

    /// Makes the file or folder this account's.
    pub(crate) fn own(self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.user), Some(self.group))
    }
}

/// The account of that name in a text like `/etc/passwd`: `name:password:user:group:..`.
fn named(name: &str, accounts: &str) -> Option<Account> {
    let account = |line: &str| {
        let mut fields = line.strip_prefix(name)?.strip_prefix(':')?.split(':').skip(1);
        let (user, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        (user != 0).then_some(Account { user, group })
    };
    accounts.lines().find_map(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name_and_is_never_root() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nnobodys:x:7:8::/:/bin/sh\nnobody:x:65534:65533::/:\n";
        assert_eq!(named("nobody", accounts), Some(Account { user: 65534, group: 65533 }));
        assert_eq!(named("postgres", accounts), None);
        assert_eq!(named("root", accounts), None);
    }
}
