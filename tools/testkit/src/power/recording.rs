use std::path::Path;

use shoal_types::Rng;

use super::disk::Disk;
use super::image::{self, Fate, Image};
use super::operation::{Effect, Operation};
use super::promise::{Promise, promises};

/// What processes did to a disk, and what they promised meanwhile, in the order in which it happened.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    operations: Vec<Operation>,
    /// Each with the moment at which the first byte of the answer left: the earliest at which somebody may know.
    promises: Vec<(usize, Promise)>,
    end: usize,
}

/// A moment at which the power fails: a sync was asked for and has had no effect yet, or all is over.
pub struct Cut<'a> {
    /// Counted from nought.
    pub number: usize,
    /// The file or folder that was to be made durable; none at the end.
    pub syncing: Option<&'a Path>,
    /// All that was promised before.
    pub promises: &'a [Promise],
    disk: &'a Disk,
    at: usize,
}

impl Cut<'_> {
    /// What is found afterwards if the changes under way meet this fate. The same seed finds the same.
    pub fn image(&self, fate: Fate, rng: &dyn Rng) -> Image {
        image::found(self.disk, fate, rng)
    }
}

impl Recording {
    /// Adds what a process did after all others; `end` is the first position after it.
    pub(crate) fn add(&mut self, operations: Vec<Operation>, end: usize) {
        for operation in &operations {
            if let Effect::Send { bytes } = &operation.effect {
                self.promises.extend(promises(bytes).into_iter().map(|promise| (operation.entered, promise)));
            }
        }
        self.operations.extend(operations);
        self.end = end;
    }

    /// The first position after all that was recorded.
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// All that was promised.
    pub fn promises(&self) -> Vec<Promise> {
        self.promises.iter().map(|(_, promise)| *promise).collect()
    }

    /// How often something was made durable.
    pub fn syncs(&self) -> usize {
        self.operations.iter().filter(|operation| is_sync(operation)).count()
    }

    /// The same on a disk that says yes when asked to make some files and folders durable, and does nothing.
    pub fn on_deaf_disk(&self, deaf: impl Fn(&Path) -> bool) -> Self {
        let ignored = |operation: &&Operation| match &operation.effect {
            Effect::Sync { path } => !deaf(path),
            _ => true,
        };
        Self { operations: self.operations.iter().filter(ignored).cloned().collect(), ..self.clone() }
    }

    /// Cuts the power at every sync point and once all is over.
    ///
    /// Of all moments up to a sync's effect, the last is the hardest: nothing more is durable than at the first, and
    /// everything was promised that could be.
    pub fn cuts(&self, mut visit: impl FnMut(&Cut<'_>)) {
        let all = self.promises();
        let (mut disk, mut number) = (Disk::new(), 0);
        for (at, step) in self.steps() {
            let operation = &self.operations[step];
            match (&operation.effect, at == operation.entered) {
                (_, true) => disk.apply(operation).expect("it was checked when it was recorded"),
                (Effect::Sync { path }, false) => {
                    let promised = self.promises.partition_point(|(sent, _)| *sent < at);
                    visit(&Cut { number, syncing: Some(path), promises: &all[..promised], disk: &disk, at });
                    disk.sync(path, operation.entered);
                    number += 1;
                }
                (_, false) => {}
            }
        }
        visit(&Cut { number, syncing: None, promises: &all, disk: &disk, at: self.end });
    }

    /// What was recorded up to a cut, as if the process had been killed there and the machine gone on: what it wrote is
    /// seen by the next one, durable or not.
    pub fn until(&self, cut: &Cut<'_>) -> Self {
        let mut operations: Vec<_> =
            self.operations.iter().filter(|done| done.entered < cut.at).cloned().collect();
        operations.retain(|done| !(is_sync(done) && done.left >= Some(cut.at)));
        for operation in &mut operations {
            operation.left = operation.left.min(Some(cut.at));
        }
        let promises = self.promises[..cut.promises.len()].to_vec();
        Self { operations, promises, end: cut.at + 1 }
    }

    /// When what begins, and when syncs have their effect.
    fn steps(&self) -> Vec<(usize, usize)> {
        let mut steps = Vec::new();
        for (number, operation) in self.operations.iter().enumerate() {
            steps.push((operation.entered, number));
            if is_sync(operation) {
                steps.extend(operation.left.map(|left| (left, number)));
            }
        }
        steps.sort_unstable();
        steps
    }

    /// What a process sees after all that was recorded.
    ///
    /// # Errors
    /// What cannot have happened.
    pub(crate) fn seen(&self) -> Result<Image, String> {
        let mut disk = Disk::new();
        for operation in &self.operations {
            disk.apply(operation).map_err(|why| format!("line {}: {why}", operation.entered))?;
        }
        Ok(image::found(&disk, Fate::Kept, &shoal_types::SeededRng::new(0)))
    }
}

fn is_sync(operation: &Operation) -> bool {
    matches!(operation.effect, Effect::Sync { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::power::operation::Reader;
    use crate::power::trace;

    /// What is found in `/r` at each cut, by these fates in turn: `name=content` of each file.
    fn found(log: &str, fate: Fate) -> Vec<String> {
        let calls = trace::calls(log.as_bytes()).expect("it is a log");
        let operations = Reader::new(Path::new("/r")).operations(&calls, 0).expect("it is understood");
        let mut recording = Recording::default();
        recording.add(operations, 1000);
        let (mut found, rng) = (Vec::new(), shoal_types::SeededRng::new(7));
        recording.cuts(|cut| found.push(cut.image(fate, &rng).to_string()));
        found
    }

    const MADE: &str = "1 openat(AT_FDCWD</>, \"/r/a\", O_RDWR|O_CREAT, 0644) = 3</r/a>\n";

    #[test]
    fn a_file_is_there_once_its_folder_is_durable_and_holds_what_was_synced() {
        let log = MADE.to_owned()
            + "1 pwrite64(3</r/a>, \"one\", 3, 0) = 3\n1 fdatasync(3</r/a>) = 0\n1 fsync(4</r>) = 0\n\
               1 pwrite64(3</r/a>, \"two\", 3, 0) = 3\n1 fdatasync(3</r/a>) = 0";
        assert_eq!(found(&log, Fate::Forgotten), ["", "", "a=one", "a=two"]);
        assert_eq!(found(&log, Fate::Kept), ["a=one", "a=one", "a=two", "a=two"]);
    }

    #[test]
    fn a_sync_does_not_cover_a_write_that_was_still_under_way() {
        let log = MADE.to_owned()
            + "1 fsync(4</r>) = 0\n2 pwrite64(3</r/a>, \"late\", 4, 0 <unfinished ...>\n\
               1 fdatasync(3</r/a> <unfinished ...>\n2 <... pwrite64 resumed>) = 4\n1 <... fdatasync resumed>) = 0";
        assert_eq!(found(&log, Fate::Forgotten), ["", "a=", "a="]);
        assert_eq!(found(&log, Fate::Kept), ["a=", "a=late", "a=late"]);
    }

    #[test]
    fn a_name_changes_with_its_folder() {
        let log = MADE.to_owned()
            + "1 fsync(4</r>) = 0\n1 rename(\"/r/a\", \"/r/b\") = 0\n1 fsync(4</r>) = 0\n1 unlink(\"/r/b\") = 0\n\
               1 mkdir(\"/r/d\", 0777) = 0";
        assert_eq!(found(&log, Fate::Forgotten), ["", "a=", "b="]);
        assert_eq!(found(&log, Fate::Kept), ["a=", "b=", "d/"]);
    }

    #[test]
    fn a_torn_write_has_its_beginning_and_a_scattered_one_any_of_its_sectors() {
        let sectors = ["a", "b", "c", "d"].map(|letter| letter.repeat(512)).concat();
        let log = MADE.to_owned()
            + &format!("1 fsync(4</r>) = 0\n1 pwrite64(3</r/a>, \"{sectors}\", 2048, 0) = 2048");
        let torn = found(&log, Fate::Torn).pop().expect("there is an end");
        assert!(format!("a={sectors}").starts_with(&torn) && torn.len() < 2050, "{torn}");
        let scattered = found(&log, Fate::Scattered(512)).pop().expect("there is an end");
        let kept = |letter: &str| scattered.contains(&letter.repeat(512));
        assert!(["a", "b", "c", "d"].into_iter().any(kept), "{scattered}");
        assert!(!["a", "b", "c", "d"].into_iter().all(kept), "{scattered}");
    }

    #[test]
    fn an_answer_is_a_promise_from_its_first_byte() {
        let body = r#"{\"id\":\"cart_00000000000000000000000001\"}"#;
        let log = MADE.to_owned()
            + "1 fsync(4</r> <unfinished ...>\n2 sendto(9<socket:[1]>, \"HTTP/1.1 201 Created\\r\\n\\r\\n"
            + body
            + "\", 99, 0, NULL, 0 <unfinished ...>\n1 <... fsync resumed>) = 0\n2 <... sendto resumed>) = 99";
        let calls = trace::calls(log.as_bytes()).expect("it is a log");
        let mut recording = Recording::default();
        let operations = Reader::new(Path::new("/r")).operations(&calls, 0).expect("it is understood");
        recording.add(operations, 1000);
        let mut promised = Vec::new();
        recording.cuts(|cut| promised.push(cut.promises.len()));
        assert_eq!(promised, [1, 1]);
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        for line in [
            "1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</r/a>, 0) = 0x7f00",
            "1 fallocate(3</r/a>, 0, 0, 4096) = 0",
            "1 rename(\"/r/a\", \"/elsewhere\") = 0",
            "1 openat(AT_FDCWD</>, \"/r/a\", O_WRONLY|O_CREAT|O_APPEND, 0644) = 3</r/a>",
        ] {
            let calls = trace::calls(line.as_bytes()).expect("it is a log");
            assert!(Reader::new(Path::new("/r")).operations(&calls, 0).is_err(), "{line}");
        }
    }
}
