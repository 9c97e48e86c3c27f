use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use shoal_testkit::{Books, Branch, SOON, program, run};
use tempfile::TempDir;

use super::{back_up, restore, text};

/// Products, and the letters of each one's description: enough that copying takes a while.
const PRODUCTS: usize = 2_000;
const LETTERS: usize = 3_000;

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(program());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program can be started")
}

/// Kills a process at once when `there` is, unless it has ended before; whether it was killed.
fn kill_9_when(mut child: Child, there: impl Fn() -> bool) -> bool {
    let late = std::time::Instant::now() + SOON;
    while !there() {
        if child.try_wait().expect("it is our child").is_some() {
            return false;
        }
        assert!(std::time::Instant::now() < late, "it neither ends nor comes there");
        std::thread::yield_now();
    }
    child.kill().expect("it is our child");
    !child.wait().expect("it is our child").success()
}

/// A directory of data with this many products, made by an import.
fn stock_up(data: &Path, letter: &str) {
    let file = data.with_extension("jsonl");
    let product = |number: usize| {
        let (text, sku) = (letter.repeat(LETTERS), format!("{letter}-{number}"));
        serde_json::json!({
            "title": format!("{letter} {number}"), "description": text,
            "variants": [{"sku": sku, "prices": [{"amount": 100, "currency": "EUR"}], "stock": 5}],
        })
    };
    let lines: String = (0..PRODUCTS).map(|number| product(number).to_string() + "\n").collect();
    std::fs::write(&file, lines).expect("the folder can be written");
    let (_, said, ended) = run(&["import", "products", text(&file), "--data", text(data)]);
    assert!(ended.success(), "{said}");
}

/// Every row that counts.
fn contents(data: &Path) -> Vec<String> {
    Books::open(text(data)).contents(&[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_is_none_and_holds_up_nobody() {
    let folder = TempDir::with_prefix("shoal-test-").expect("a temporary folder");
    let (data, to) = (folder.path().join("data"), folder.path().join("backup"));
    let part = folder.path().join("backup.part");
    stock_up(&data, "a");
    let branch = Branch::at(text(&data)).await;
    let mug = branch.staff().await.product("mug").stock(100).create().await;
    let mut killed = 0;
    for name in ["writing", "users.db", "products.db", "orders.db", "test-provider.db", "manifest.json"] {
        let backup = start(&["backup", "--data", text(&data), "--to", text(&to)]);
        killed += i32::from(kill_9_when(backup, || part.join(name).exists()));
        branch.guest().checkout(&mug, 1).await.expect(201);
        if to.exists() {
            // It was done before it could be killed.
            std::fs::remove_dir_all(&to).expect("it is there");
        } else {
            let refused = restore(&to, &folder.path().join("new"), &[]).expect_err("there is no backup");
            assert!(refused.contains("no_backup.md"), "{refused}");
        }
    }
    assert!(killed >= 3, "only {killed} were killed");
    back_up(&data, &to);
    assert!(!part.exists(), "what the killed ones left is gone");
    let new = folder.path().join("new");
    restore(&to, &new, &[]).expect("it is whole");
    assert_eq!(Books::open(text(&new)).orders(), 6);
}

/// Data of two times, of which the later is there and the earlier in a backup.
struct Times {
    folder: TempDir,
    later: Vec<String>,
    earlier: Vec<String>,
}

impl Times {
    async fn of_two_shops() -> Self {
        let folder = TempDir::with_prefix("shoal-test-").expect("a temporary folder");
        let (data, other) = (folder.path().join("data"), folder.path().join("other"));
        for (data, letter) in [(&other, "e"), (&data, "l")] {
            stock_up(data, letter);
            let mut branch = Branch::at(text(data)).await;
            let mug = branch.staff().await.product("mug").stock(100).create().await;
            branch.guest().checkout(&mug, 1).await.expect(201);
            assert!(branch.process.terminate().await.success());
        }
        back_up(&other, &folder.path().join("backup"));
        let (later, earlier) = (contents(&data), contents(&other));
        assert_ne!(later, earlier);
        Self { folder, later, earlier }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn backup(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    /// The folders that took what was there before.
    fn replaced(&self) -> Vec<PathBuf> {
        let all =
            std::fs::read_dir(self.data()).expect("readable").map(|entry| entry.expect("readable").path());
        let name = |path: &PathBuf| {
            path.file_name().is_some_and(|name| text(name.as_ref()).starts_with("replaced-"))
        };
        all.filter(name).collect()
    }

    /// Puts the later data back, for the next kill.
    fn go_forward(&self) {
        let replaced = self.replaced();
        let [from] = &replaced[..] else { panic!("one folder has what was there: {replaced:?}") };
        for entry in std::fs::read_dir(from).expect("readable") {
            let entry = entry.expect("readable");
            let to = self.data().join(entry.file_name());
            if to.is_dir() {
                std::fs::remove_dir_all(&to).expect("removed");
            }
            std::fs::rename(entry.path(), to).expect("moved");
        }
        std::fs::remove_dir_all(from).expect("removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_leaves_the_data_whole_or_closed_and_goes_on() {
    let times = Times::of_two_shops().await;
    let (data, backup) = (times.data(), times.backup());
    let (mut killed, mut closed) = (0, 0);
    for name in [
        "restore.part",
        "restore.part/users.db",
        "restore.part/orders.db",
        "restore.part/test-provider.db",
        "restore.unfinished",
        "replaced-",
    ] {
        let arguments = ["restore", "--from", text(&backup), "--data", text(&data), "--replace"];
        let there =
            || if name == "replaced-" { !times.replaced().is_empty() } else { data.join(name).exists() };
        killed += i32::from(kill_9_when(start(&arguments), there));
        let (_, said, ended) = run(&["migrate", "--data", text(&data)]);
        if ended.success() {
            let there = contents(&data);
            let old = there == times.later && times.replaced().is_empty();
            assert!(old || there == times.earlier, "killed at {name}: neither old nor new");
        } else {
            assert!(said.contains("restore_unfinished.md"), "killed at {name}: {said}");
            closed += 1;
        }
        if times.replaced().is_empty() || !ended.success() {
            restore(&backup, &data, &["--replace"]).expect("it goes on");
        }
        assert_eq!(contents(&data), times.earlier, "after {name}");
        assert!(!data.join("restore.unfinished").exists() && !data.join("restore.part").exists());
        times.go_forward();
        assert_eq!(contents(&data), times.later, "what was there was kept, after {name}");
    }
    println!("{killed} killed, {closed} times closed");
    assert!(killed >= 4, "only {killed} were killed");
}
