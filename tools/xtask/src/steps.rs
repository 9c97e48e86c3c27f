//! Steps with a heading each, counted tests and one closing summary.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

/// Tests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl Counts {
    fn add(&mut self, more: Counts) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }

    /// Reads the closing line of `cargo test` or of nextest; `None` for any other line.
    fn read(line: &str) -> Option<Self> {
        let (_, summary) = line.split_once("test result:").or_else(|| line.split_once("run:"))?;
        if !line.contains("test result:") && !line.trim_start().starts_with("Summary [") {
            return None;
        }
        let words: Vec<&str> =
            summary.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        let mut counts = Self::default();
        for pair in words.windows(2) {
            let Ok(count) = pair[0].parse::<usize>() else { continue };
            match pair[1] {
                "passed" => counts.passed += count,
                "failed" | "timed" | "exec" => counts.failed += count,
                "ignored" | "skipped" => counts.skipped += count,
                _ => {}
            }
        }
        Some(counts)
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Passed,
    /// Something is broken; its own output says what.
    Failed,
    /// It could not run; why, and the command that mends it.
    NotRun(String),
}

/// The steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Outcome, Duration)>,
    counts: Counts,
}

impl Steps {
    /// Prints a heading and does the step; whether it passed. An I/O error (a program that cannot be started)
    /// fails it.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce(&mut Counts) -> io::Result<Outcome>) -> bool {
        println!("\n== {name}");
        let start = Instant::now();
        let mut counts = Counts::default();
        let outcome = work(&mut counts).unwrap_or_else(|error| {
            println!("{name}: {error}");
            Outcome::Failed
        });
        if let Outcome::NotRun(why) = &outcome {
            println!("not run: {why}");
        }
        self.counts.add(counts);
        let passed = outcome == Outcome::Passed;
        self.done.push((name.to_owned(), outcome, start.elapsed()));
        passed
    }

    /// Runs one command as a step; whether it passed.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> bool {
        self.step(name, |_| Ok(outcome(command.status()?.success())))
    }

    /// Whether every step passed; one that could not run did not.
    pub(crate) fn passed(&self) -> bool {
        self.done.iter().all(|(_, outcome, _)| *outcome == Outcome::Passed)
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n== Summary")?;
        for (name, outcome, took) in &self.done {
            let word = match outcome {
                Outcome::Passed => "ok",
                Outcome::Failed => "FAILED",
                Outcome::NotRun(_) => "NOT RUN",
            };
            writeln!(f, "{word:8} {:6.1} s  {name}", took.as_secs_f64())?;
            if let Outcome::NotRun(why) = outcome {
                writeln!(f, "         {why}")?;
            }
        }
        let Counts { passed, failed, skipped } = self.counts;
        write!(f, "{passed} passed, {failed} failed")?;
        if skipped > 0 { write!(f, ", {skipped} skipped") } else { Ok(()) }
    }
}

pub(crate) fn outcome(success: bool) -> Outcome {
    if success { Outcome::Passed } else { Outcome::Failed }
}

/// Runs a command, passes its lines on as they come, and adds up the tests it reports.
pub(crate) fn counted(command: &mut Command, counts: &mut Counts) -> io::Result<bool> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let total = Mutex::new(Counts::default());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        if let Some(stdout) = stdout {
            scope.spawn(|| pass_on(stdout, io::stdout(), &total));
        }
        if let Some(stderr) = stderr {
            scope.spawn(|| pass_on(stderr, io::stderr(), &total));
        }
    });
    let success = child.wait()?.success();
    counts.add(total.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()));
    Ok(success)
}

fn pass_on(from: impl Read, mut to: impl Write, total: &Mutex<Counts>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if let Some(counts) = Counts::read(&line) {
            total.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).add(counts);
        }
        // A reader that has gone away does not stop the tests.
        let _ = writeln!(to, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_both_runners_are_counted() {
        let cargo = "test result: FAILED. 49 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.07s";
        assert_eq!(Counts::read(cargo), Some(Counts { passed: 49, failed: 1, skipped: 2 }));
        let nextest =
            "     Summary [   1.250s] 53 tests run: 50 passed (1 slow), 2 failed, 1 timed out, 3 skipped";
        assert_eq!(Counts::read(nextest), Some(Counts { passed: 50, failed: 3, skipped: 3 }));
        let one = "     Summary [   0.006s] 1 test run: 1 passed, 50 skipped";
        assert_eq!(Counts::read(one), Some(Counts { passed: 1, failed: 0, skipped: 50 }));
        assert_eq!(Counts::read("test run: 1 passed"), None);
        assert_eq!(Counts::read("running 3 tests"), None);
    }

    #[test]
    fn a_step_that_failed_or_did_not_run_fails_the_whole() {
        for (outcome, all_well) in
            [(Outcome::Passed, true), (Outcome::Failed, false), (Outcome::NotRun("x".into()), false)]
        {
            let mut steps = Steps::default();
            steps.step("a", |counts| {
                counts.passed = 2;
                Ok(outcome)
            });
            assert_eq!(steps.passed(), all_well);
            assert!(steps.to_string().ends_with("2 passed, 0 failed"));
        }
    }

    #[test]
    fn output_is_counted_while_it_passes() {
        let (total, mut seen) = (Mutex::default(), Vec::new());
        pass_on("running\ntest result: ok. 3 passed; 0 failed\n".as_bytes(), &mut seen, &total);
        assert_eq!(total.into_inner().expect("no panic").passed, 3);
        assert_eq!(seen, b"running\ntest result: ok. 3 passed; 0 failed\n");
    }

    #[test]
    fn a_command_that_fails_is_not_a_success() {
        let mut counts = Counts::default();
        assert!(!counted(Command::new("sh").args(["-c", "exit 1"]), &mut counts).expect("sh runs"));
        assert_eq!(counts, Counts::default());
    }
}
