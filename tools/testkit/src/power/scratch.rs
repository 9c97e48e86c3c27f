use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

/// How the names of folders begin.
pub(crate) const PREFIX: &str = "shoal-power-";
/// Room that must be left in memory, mebibytes.
const ROOM_MIB: u64 = 2048;

/// A folder for files that nobody keeps: in memory, where there is room. Thousands of images are written and removed,
/// and nothing depends on whether they are on a disk.
pub fn scratch() -> TempDir {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let memory = Path::new("/dev/shm");
    let place = PLACE.get_or_init(|| if has_room(memory) { memory.to_owned() } else { std::env::temp_dir() });
    TempDir::with_prefix_in(PREFIX, place).expect("a temporary folder")
}

fn has_room(place: &Path) -> bool {
    let asked = Command::new("df").args(["--output=avail", "--block-size=1M"]).arg(place).output();
    let said = asked.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    said.lines()
        .nth(1)
        .and_then(|mebibytes| mebibytes.trim().parse().ok())
        .is_some_and(|room: u64| room >= ROOM_MIB)
}
