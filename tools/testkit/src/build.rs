use std::path::{Path, PathBuf};

/// Names the program of an earlier revision.
const EARLIER: &str = "SHOAL_TEST_OTHER_BUILD";

/// Which build of the program a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// The one under test.
    Present,
    /// The oldest version that may share a cluster with it; `other_build.toml` names its revision.
    Earlier,
}

impl Build {
    /// Where its program is.
    ///
    /// # Panics
    /// If it was not built; of an earlier one, [`Build::is_there`] tells.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Present => program(),
            Self::Earlier => {
                std::env::var_os(EARLIER).unwrap_or_else(|| panic!("{EARLIER} is not set")).into()
            }
        }
    }

    /// Whether its program is known to this test; says so if not.
    pub fn is_there(self) -> bool {
        let is_there = self == Self::Present || std::env::var_os(EARLIER).is_some();
        if !is_there {
            println!("not run: {EARLIER} names no program; `cargo xtask test` builds it");
        }
        is_there
    }
}

/// The program `shoal` as built for tests: beside the test that runs, or where `SHOAL_TEST_BINARY` says.
///
/// # Panics
/// If it was not built: `cargo test -p shoal-testkit` does that.
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("SHOAL_TEST_BINARY") {
        return path.into();
    }
    let test = std::env::current_exe().expect("a test knows where it is");
    // target/debug/deps/it-0123 -> target/debug/shoal-under-test
    let folder = test.parent().and_then(Path::parent).expect("tests are built two folders deep");
    let path = folder.join(format!("shoal-under-test{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: cargo build -p shoal-testkit", path.display());
    path
}
