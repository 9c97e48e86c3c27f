use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A small file system of its own, in memory, unmounted with this value.
pub struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one of `mebibytes`. `None` where that needs a right this test has not: it is for root alone.
    pub fn mount(mebibytes: u32) -> Option<Self> {
        let folder = TempDir::with_prefix("shoal-disk-").expect("a temporary folder");
        let size = format!("size={mebibytes}m");
        let mounted = mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], folder.path());
        mounted.then(|| Self { folder })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let (ballast, mut size) = (self.ballast(), 1 << 20);
        let mut content = Vec::new();
        // Ever smaller pieces, so that nothing is left.
        while size > 0 {
            content.resize(content.len() + size, 0);
            if fs::write(&ballast, &content).is_err() {
                content.truncate(content.len() - size);
                size /= 2;
            }
        }
        // The last try may have left less than fits.
        let _ = fs::write(&ballast, vec![0; content.len() + (1 << 20)]);
    }

    /// Frees what [`SmallDisk::fill`] took.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("the ballast is there");
    }

    /// Lets nobody write to it any more.
    pub fn make_read_only(&self) {
        assert!(mount(&["-o", "remount,ro"], self.path()), "what was mounted can be mounted again");
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process under test may still be ending.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> bool {
    let mounted = Command::new("mount").args(arguments).arg(at).output();
    mounted.is_ok_and(|output| output.status.success())
}
