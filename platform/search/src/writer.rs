use std::collections::HashMap;

use tantivy::directory::Directory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, IndexReader, IndexWriter, TERMINATED, TantivyDocument, Term};

use crate::document::tombstone;
use crate::schema::{Schema, VERSION};
use crate::storage::{Opened, payload};
use crate::{Change, Document, Error};

/// Memory the engine may fill before it writes a segment. It takes it only while documents come in.
const BUDGET_BYTES: usize = 20 << 20;
/// Small segments are merged when there are this many of about the same size.
const MERGE_SEGMENTS: usize = 6;
/// A segment with more than this part of its documents outdated is rewritten.
const MERGE_OUTDATED: f32 = 0.3;

/// The one writer of an index. Its methods block.
pub(crate) struct Writer {
    opened: Opened,
    schema: Schema,
    /// Present while there is work; it holds threads, memory and the directory's lock.
    engine: Option<IndexWriter>,
    /// Versions written since the last commit, which the reader cannot see.
    pending: HashMap<String, i64>,
}

impl Writer {
    pub(crate) fn new(opened: Opened, schema: Schema) -> Self {
        Self { opened, schema, engine: None, pending: HashMap::new() }
    }

    pub(crate) fn reader(&self) -> &IndexReader {
        &self.opened.reader
    }

    pub(crate) fn checkpoint(&self) -> Option<&str> {
        self.opened.checkpoint.as_deref()
    }

    /// Whether it holds threads and memory.
    pub(crate) fn is_active(&self) -> bool {
        self.engine.is_some()
    }

    /// Writes the changes and the checkpoint, if there is a new one, in one commit, and makes them searchable.
    /// After an error nothing of it is written.
    pub(crate) fn commit(&mut self, changes: &[Change], checkpoint: Option<&str>) -> Result<(), Error> {
        let done = changes.iter().try_for_each(|change| self.write(change)).and_then(|()| {
            let checkpoint = checkpoint.map(str::to_owned).or_else(|| self.opened.checkpoint.clone());
            self.finish(checkpoint)
        });
        if done.is_err() {
            self.abandon();
        }
        done
    }

    /// Starts a replacement of everything; [`Writer::load`] and [`Writer::finish`] follow.
    pub(crate) fn clear(&mut self) -> Result<(), Error> {
        self.engine()?.delete_all_documents()?;
        Ok(())
    }

    /// Adds a document of a replacement, unless a newer one with its key was added.
    pub(crate) fn load(&mut self, document: &Document) -> Result<(), Error> {
        let known = self.pending.get(&document.key).copied();
        if known.is_some_and(|known| known >= document.version) {
            return Ok(());
        }
        self.add(&document.key, document.version, document.to_engine(&self.schema), known.is_some())
    }

    /// Commits what was written, with this checkpoint, and makes it searchable.
    pub(crate) fn finish(&mut self, checkpoint: Option<String>) -> Result<(), Error> {
        let payload = payload(checkpoint.as_deref());
        let mut prepared = self.engine()?.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit()?;
        self.pending = HashMap::new();
        self.opened.reader.reload()?;
        // The engine renames a file into place and leaves the folder to the next commit; until then a power failure
        // would bring back the old file. After the reload, so that a repeat finds the documents and adds none twice.
        self.opened.index.directory().sync_directory()?;
        self.opened.checkpoint = checkpoint;
        Ok(())
    }

    /// Forgets what was written since the last commit.
    pub(crate) fn abandon(&mut self) {
        self.engine = None;
        self.pending = HashMap::new();
    }

    /// Waits for merges, then gives up threads, memory and the lock.
    pub(crate) fn release(&mut self) -> Result<(), Error> {
        let Some(engine) = self.engine.take() else { return Ok(()) };
        engine.wait_merging_threads()?;
        self.opened.reader.reload()?;
        Ok(())
    }

    fn engine(&mut self) -> Result<&mut IndexWriter, Error> {
        if self.engine.is_none() {
            let options = IndexWriterOptions::builder()
                .memory_budget_per_thread(BUDGET_BYTES)
                .num_worker_threads(1)
                .num_merge_threads(1)
                .build();
            let engine = self.opened.index.writer_with_options(options)?;
            let mut merging = LogMergePolicy::default();
            merging.set_min_num_segments(MERGE_SEGMENTS);
            merging.set_del_docs_ratio_before_merge(MERGE_OUTDATED);
            engine.set_merge_policy(Box::new(merging));
            self.engine = Some(engine);
        }
        self.engine.as_mut().ok_or_else(|| Error::internal("no writer"))
    }

    fn write(&mut self, change: &Change) -> Result<(), Error> {
        let (key, version) = match change {
            Change::Put(document) => (&document.key, document.version),
            Change::Remove { key, version } => (key, *version),
        };
        let known = match self.pending.get(key) {
            Some(version) => Some(*version),
            None => self.committed_version(key)?,
        };
        if known.is_some_and(|known| known >= version) {
            return Ok(());
        }
        let document = match change {
            Change::Put(document) => document.to_engine(&self.schema),
            Change::Remove { key, version } => tombstone(&self.schema, key, *version),
        };
        self.add(key, version, document, known.is_some())
    }

    fn add(
        &mut self,
        key: &str,
        version: i64,
        document: TantivyDocument,
        replaces: bool,
    ) -> Result<(), Error> {
        let term = Term::from_field_text(self.schema.key(), key);
        let engine = self.engine()?;
        if replaces {
            engine.delete_term(term);
        }
        engine.add_document(document)?;
        self.pending.insert(key.to_owned(), version);
        Ok(())
    }

    fn committed_version(&self, key: &str) -> Result<Option<i64>, Error> {
        let term = Term::from_field_text(self.schema.key(), key);
        for segment in self.opened.reader.searcher().segment_readers() {
            let index = segment.inverted_index(self.schema.key())?;
            let Some(mut postings) =
                index.read_postings(&term, IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)?
            else {
                continue;
            };
            while postings.doc() != TERMINATED {
                if !segment.is_deleted(postings.doc()) {
                    return Ok(segment.fast_fields().i64(VERSION)?.first(postings.doc()));
                }
                postings.advance();
            }
        }
        Ok(None)
    }
}
