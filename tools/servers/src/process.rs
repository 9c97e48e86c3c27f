//! Processes as Linux shows them in `/proc`, and signals to them.

use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::wait;

/// From a signal to its effect; a process that waits for a disk takes its time.
const EFFECT_MAX: Duration = Duration::from_secs(20);

/// A process known for certain: its id may be another's later, its id with the time of its start may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its id.
    pub(crate) id: u32,
    /// When it began, in clock ticks since the machine did.
    pub(crate) began: u64,
}

/// The fields of `/proc/ID/stat` that are needed here.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    state: char,
    parent: u32,
    began: u64,
}

impl Status {
    fn of(id: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// Reads `id (name) state parent ..`; the name may hold anything, the 20th field after it is the start.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        Some(Self {
            state: fields.first()?.chars().next()?,
            parent: fields.get(1)?.parse().ok()?,
            began: fields.get(19)?.parse().ok()?,
        })
    }
}

impl Process {
    /// The process with that id now, if there is one.
    pub(crate) fn of(id: u32) -> Option<Self> {
        Status::of(id).map(|status| Self { id, began: status.began })
    }

    /// Its state as a letter, if it has not ended.
    fn state(self) -> Option<char> {
        let status = Status::of(self.id).filter(|status| status.began == self.began)?;
        // One that has ended and whose parent has not asked for its outcome yet is gone as well.
        Some(status.state).filter(|state| !"ZXx".contains(*state))
    }

    /// Whether it has ended.
    pub(crate) fn is_gone(self) -> bool {
        self.state().is_none()
    }

    fn children(self) -> io::Result<Vec<Self>> {
        let mut children = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let Some(id) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let Some(status) = Status::of(id) else { continue };
            if status.parent == self.id {
                children.push(Self { id, began: status.began });
            }
        }
        Ok(children)
    }

    /// It and its children. It is halted first, so that it makes no more of them.
    fn halted_family(self) -> io::Result<Vec<Self>> {
        signal("STOP", &[self])?;
        self.wait_for("halt", |process| matches!(process.state(), None | Some('T' | 't')))?;
        let mut family = self.children()?;
        family.push(self);
        Ok(family)
    }

    /// Halts it and its children: they keep their connections and do nothing.
    ///
    /// # Errors
    /// If one of them has not halted after 20 s.
    pub(crate) fn pause(self) -> io::Result<()> {
        let family = self.halted_family()?;
        signal("STOP", &family)?;
        let halted = |process: Self| matches!(process.state(), None | Some('T' | 't'));
        family.iter().try_for_each(|process| process.wait_for("halt", halted))
    }

    /// Lets it and its children go on.
    pub(crate) fn resume(self) -> io::Result<()> {
        let mut family = self.children()?;
        family.push(self);
        signal("CONT", &family)
    }

    /// Ends it and its children at once, as a power failure would, and waits until they are gone.
    ///
    /// # Errors
    /// If one of them is still there after 20 s.
    pub(crate) fn kill(self) -> io::Result<()> {
        // Children first: as long as their parent is there, nobody else can have their ids.
        let family = self.halted_family()?;
        signal("KILL", &family)?;
        family.iter().try_for_each(|process| process.wait_for("end", Self::is_gone))
    }

    /// Asks it, and it alone, to end in the way the signal means to it.
    pub(crate) fn signal(self, name: &str) -> io::Result<()> {
        signal(name, &[self])
    }

    fn wait_for(self, what: &str, met: impl Fn(Self) -> bool) -> io::Result<()> {
        if wait::until(EFFECT_MAX, || Ok(met(self)))? {
            return Ok(());
        }
        Err(io::Error::other(format!("process {} did not {what} within {EFFECT_MAX:?}", self.id)))
    }
}

/// Sends a signal to processes that are still there. One that ends meanwhile needs none.
fn signal(name: &str, processes: &[Process]) -> io::Result<()> {
    let there: Vec<String> =
        processes.iter().filter(|process| !process.is_gone()).map(|process| process.id.to_string()).collect();
    if there.is_empty() {
        return Ok(());
    }
    // The shell's own kill is there where the program is not.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -s \"$@\"", "kill", name]).args(there);
    kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_is_no_field() {
        let text =
            "7 (a) (b c) S 5 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 12345 678 18446744073709551615\n";
        assert_eq!(Status::parse(text), Some(Status { state: 'S', parent: 5, began: 4711 }));
        assert_eq!(Status::parse("7 (a) S 5"), None);
    }

    #[test]
    fn this_process_is_there_and_another_start_is_not_it() {
        let here = Process::of(std::process::id()).expect("this test runs");
        assert!(!here.is_gone());
        assert!(Process { began: here.began + 1, ..here }.is_gone());
    }

    #[test]
    fn a_child_is_paused_resumed_and_killed() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat is there");
        let process = Process::of(child.id()).expect("it runs");
        let here = Process::of(std::process::id()).expect("this test runs");
        assert!(here.children().expect("/proc is there").contains(&process));
        process.pause().expect("it halts");
        assert_eq!(process.state(), Some('T'));
        process.resume().expect("it goes on");
        assert!(wait::until(EFFECT_MAX, || Ok(process.state() == Some('S'))).expect("/proc is there"));
        process.kill().expect("it ends");
        assert!(process.is_gone(), "even before its outcome is asked for");
        child.wait().expect("it is our child");
    }
}
