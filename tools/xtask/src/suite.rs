//! `cargo xtask test`: every test there is, and what they need.

mod choice;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use shoal_servers::{Options, Postgres};

use crate::description;
use crate::earlier::{self, Absent};
use crate::events;
use crate::judges;
use crate::needs;
use crate::schemathesis;
use crate::steps::{Counts, Outcome, Steps, counted, outcome};
use crate::tree::Tree;

pub(crate) use choice::{Choice, Engine};

/// Names the PostgreSQL server that tests take fresh databases from; without it they are on SQLite.
const SERVER: &str = "SHOAL_TEST_POSTGRES";
/// Names the program of an earlier revision to tests that run both together.
const EARLIER: &str = "SHOAL_TEST_OTHER_BUILD";
/// The packages whose tests keep data, and so run once more on PostgreSQL.
const WITH_DATA: &[&str] = &[
    "shoal-sql",
    "shoal-queue",
    "shoal-users",
    "shoal-products",
    "shoal-orders",
    "shoal-checkout",
    "shoal-notifications",
    "shoal-exchange",
    "shoal-gateway",
    "shoal-web",
    "shoal-testkit",
    "shoal-node",
];

/// The cargo that runs this program.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Adds the test steps that are chosen.
pub(crate) fn run(root: &Path, choice: &Choice, steps: &mut Steps) {
    if let Err(missing) = needs::compiler() {
        steps.step("A C compiler", |_| Ok(Outcome::NotRun(missing)));
        return;
    }
    if choice.has(Engine::Sqlite) || choice.has(Engine::Postgres) {
        tests(root, choice, steps);
    }
    if choice.has_papers() {
        doc_tests(root, steps);
        steps.step("The API description in docs/api", |_| description::check(root));
        steps.step("The schemas of events in docs/events", |_| events::check(root));
    }
    if choice.has_api() {
        steps
            .step("The API as its description says (schemathesis)", |counts| schemathesis::run(root, counts));
    }
}

/// The program and all test binaries, built once; then the tests on each engine, with nextest where it is.
fn tests(root: &Path, choice: &Choice, steps: &mut Steps) {
    // Before all, as tests of the first pass start servers of their own.
    let postgres = choice.has(Engine::Postgres).then(needs::postgres);
    for there in [needs::strace(), needs::hosts(), needs::nats(), needs::standard_webhooks(root)] {
        if let Err(missing) = there {
            println!("{missing}; the tests that need it say that they did not run");
        }
    }
    if let Err(missing) = needs::aiosmtpd(root) {
        println!("{missing}; the tests of mails say that they did not run");
    }
    if let Err(missing) = needs::rotel(root) {
        println!("{missing}; the test that sends traces through it says that it did not run");
    }
    if let Err(missing) = judges::ready(root) {
        println!("{missing}; the tests that need it say that they did not run");
    }
    if !steps.command("Build", cargo(root).args(["build", "--workspace", "--all-targets"])) {
        return;
    }
    let earlier = earlier_program(root, choice, steps);
    let nextest = needs::works("cargo", &["nextest", "--version"]);
    let with = if nextest { " (nextest)" } else { "" };
    if choice.has(Engine::Sqlite) {
        steps.step(&format!("Tests{with}"), |counts| {
            let mut runner = runner(root, nextest, &[], choice.names());
            runner.envs(earlier.iter().map(|program| (EARLIER, program)));
            Ok(outcome(counted(runner.env_remove(SERVER), counts)?))
        });
    }
    if let Some(there) = postgres {
        steps.step(&format!("Tests on PostgreSQL{with}"), |counts| match there {
            Ok(()) => {
                let mut runner = runner(root, nextest, WITH_DATA, choice.names());
                runner.envs(earlier.iter().map(|program| (EARLIER, program)));
                on_postgres(root, runner, counts)
            }
            Err(missing) => Ok(Outcome::NotRun(missing)),
        });
    }
}

/// The program of an earlier revision, if tests are chosen that need it and there is one.
fn earlier_program(root: &Path, choice: &Choice, steps: &mut Steps) -> Option<PathBuf> {
    if !choice.has_versions() {
        return None;
    }
    let mut program = None;
    steps.step("The program of an earlier revision", |_| {
        Ok(match earlier::program(root)? {
            Ok(there) => {
                program = Some(there);
                Outcome::Passed
            }
            Err(Absent::Missing(missing)) => {
                println!("{missing}; the tests that need it say that they did not run");
                Outcome::Passed
            }
            Err(Absent::Broken) => Outcome::Failed,
        })
    });
    program
}

/// The command that runs the tests of these packages, or of all if none is given.
fn runner(root: &Path, nextest: bool, packages: &[&str], names: &[String]) -> Command {
    let mut runner = cargo(root);
    if nextest {
        // Chosen from the whole workspace: built apart from it, packages have other features and all is built again.
        runner.args(["nextest", "run", "--workspace", "--no-fail-fast", "--color", "never"]);
        let chosen: Vec<String> = packages.iter().map(|package| format!("package(={package})")).collect();
        if !chosen.is_empty() {
            // A name may be that of a test elsewhere.
            runner.args(["-E", &chosen.join(" | ")]).env("NEXTEST_NO_TESTS", "pass");
        }
        runner.args(names);
        return runner;
    }
    runner.arg("test");
    if packages.is_empty() {
        runner.arg("--workspace");
    }
    runner.args(packages.iter().flat_map(|package| ["--package", package]));
    runner.args(["--lib", "--bins", "--tests", "--no-fail-fast", "--"]).args(names);
    runner
}

/// Runs tests on a server of their own, which ends with them.
fn on_postgres(root: &Path, mut runner: Command, counts: &mut Counts) -> io::Result<Outcome> {
    let server = Postgres::start(Options::default())?;
    let passed = counted(runner.env(SERVER, server.url("postgres")), counts)?;
    if !passed {
        let log = root.join("target/tmp/postgres.log");
        fs::create_dir_all(root.join("target/tmp"))?;
        fs::write(&log, server.log())?;
        println!("the server's log is in {}", log.display());
    }
    Ok(outcome(passed))
}

/// The examples in the docs, of the crates that have some.
fn doc_tests(root: &Path, steps: &mut Steps) {
    steps.step("Examples in the docs", |counts| {
        let packages = with_examples(&Tree::read(root)?);
        if packages.is_empty() {
            return Ok(Outcome::Passed);
        }
        let mut test = cargo(root);
        test.args(["test", "--doc", "--no-fail-fast"]);
        for package in &packages {
            test.args(["--package", package]);
        }
        Ok(outcome(counted(&mut test, counts)?))
    });
}

/// The packages whose library has a code block in a doc comment.
fn with_examples(tree: &Tree) -> Vec<String> {
    let mut packages = Vec::new();
    for manifest in tree.ending("/Cargo.toml") {
        let folder = manifest.path.trim_end_matches("/Cargo.toml");
        let sources = format!("{folder}/src");
        let is_library = tree.get(&format!("{sources}/lib.rs")).is_some();
        let example = |line: &str| {
            let doc = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!"));
            doc.is_some_and(|doc| doc.trim() == "```" || doc.trim().starts_with("```rust"))
        };
        let mut files =
            tree.files().iter().filter(|file| file.within(&[&sources]) && file.path.ends_with(".rs"));
        if is_library && files.any(|file| file.text.lines().any(example)) {
            let name = manifest.text.lines().find_map(|line| line.strip_prefix("name = "));
            packages.extend(name.map(|name| name.trim_matches('"').to_owned()));
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &Command) -> String {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn packages_are_chosen_in_the_words_of_each_runner() {
        let (root, names) = (Path::new("."), ["stock".to_owned()]);
        let all = runner(root, true, &[], &names);
        assert_eq!(words(&all), "nextest run --workspace --no-fail-fast --color never stock");
        let some = words(&runner(root, true, &["a", "b"], &names));
        assert!(
            some.ends_with("--workspace --no-fail-fast --color never -E package(=a) | package(=b) stock")
        );
        let all = words(&runner(root, false, &[], &names));
        assert_eq!(all, "test --workspace --lib --bins --tests --no-fail-fast -- stock");
        let some = words(&runner(root, false, &["a", "b"], &[]));
        assert_eq!(some, "test --package a --package b --lib --bins --tests --no-fail-fast --");
    }

    #[test]
    fn packages_with_data_are_members() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tools/xtask is two deep");
        let tree = Tree::read(root).expect("the workspace can be read");
        for package in WITH_DATA {
            let name = format!("\nname = \"{package}\"\n");
            assert!(tree.ending("/Cargo.toml").any(|file| file.text.contains(&name)), "{package}");
        }
    }

    #[test]
    fn only_libraries_with_examples_are_doc_tested() {
        let tree = Tree::of(&[
            ("contract/Cargo.toml", "[package]\nname = \"shoal-contract\"\n"),
            ("contract/src/lib.rs", "/// ```\n/// assert!(true);\n/// ```\npub fn f() {}"),
            ("node/Cargo.toml", "[package]\nname = \"shoal-node\"\n"),
            ("node/src/lib.rs", "/// ```text\n/// a picture\n/// ```\npub fn f() {}"),
        ]);
        // The end of a text block looks like the start of an example: one needless run, no missed one.
        assert!(with_examples(&tree).contains(&"shoal-contract".to_owned()));
        let plain = Tree::of(&[("node/Cargo.toml", "name = \"n\"\n"), ("node/src/lib.rs", "// ```\n")]);
        assert_eq!(with_examples(&plain), [""; 0]);
    }
}
