//! Opening an index, and starting over when what is there cannot be used.

use std::path::Path;

use tantivy::directory::{Directory, MmapDirectory, RamDirectory};
use tantivy::{Index as EngineIndex, IndexReader, IndexSettings, ReloadPolicy};

use crate::Error;
use crate::analysis::{self, WORDS};
use crate::index::Place;
use crate::schema::Schema;

/// First line of a commit's payload. Changing what documents are turned into takes a new one, so that old indexes
/// are rebuilt.
const FORMAT: &str = "shoal-search/1";
/// Blocks of stored documents kept in memory, 16 KiB each.
const STORE_CACHE_BLOCKS: usize = 16;

/// An open index and the position it was fed up to, if that is known.
pub(crate) struct Opened {
    pub(crate) index: EngineIndex,
    pub(crate) reader: IndexReader,
    pub(crate) checkpoint: Option<String>,
}

/// Opens the index at `place`, emptied if it is of another schema or damaged. Blocks.
pub(crate) fn open(place: &Place, schema: &Schema) -> Result<Opened, Error> {
    match place {
        Place::Memory => create(RamDirectory::create(), schema),
        Place::Directory(path) => {
            std::fs::create_dir_all(path)?;
            if own_files(path)?.is_empty() {
                return create(MmapDirectory::open(path).map_err(tantivy::TantivyError::from)?, schema);
            }
            match existing(path, schema) {
                Ok(opened) => Ok(opened),
                Err(reason) => {
                    tracing::warn!(path = %path.display(), %reason, "search index cannot be used, starting over");
                    for file in own_files(path)? {
                        std::fs::remove_file(file)?;
                    }
                    create(MmapDirectory::open(path).map_err(tantivy::TantivyError::from)?, schema)
                }
            }
        }
    }
}

/// What a commit carries besides documents.
pub(crate) fn payload(checkpoint: Option<&str>) -> String {
    match checkpoint {
        Some(checkpoint) => format!("{FORMAT}\n{checkpoint}"),
        None => FORMAT.to_owned(),
    }
}

fn create(directory: impl Into<Box<dyn Directory>>, schema: &Schema) -> Result<Opened, Error> {
    let directory: Box<dyn Directory> = directory.into();
    // Segments are small and written one at a time: a thread for their store is not worth starting.
    let settings = IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() };
    let index = EngineIndex::create(directory, schema.engine().clone(), settings)?;
    Ok(opened(index, None)?)
}

fn opened(index: EngineIndex, checkpoint: Option<String>) -> tantivy::Result<Opened> {
    index.tokenizers().register(WORDS, analysis::analyzer());
    let reader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
        .try_into()?;
    Ok(Opened { index, reader, checkpoint })
}

/// Opens what is there, or says why it cannot be used.
fn existing(path: &Path, schema: &Schema) -> Result<Opened, String> {
    let index = EngineIndex::open_in_dir(path).map_err(|error| error.to_string())?;
    if index.schema() != *schema.engine() {
        return Err("it has another schema".to_owned());
    }
    let payload = index.load_metas().map_err(|error| error.to_string())?.payload;
    let checkpoint = match payload.as_deref() {
        None => None,
        Some(FORMAT) => None,
        Some(text) => match text.split_once('\n') {
            Some((FORMAT, checkpoint)) => Some(checkpoint.to_owned()),
            _ => return Err("it has another format".to_owned()),
        },
    };
    let damaged = index.validate_checksum().map_err(|error| error.to_string())?;
    if let Some(file) = damaged.iter().next() {
        return Err(format!("{} is damaged", file.display()));
    }
    opened(index, checkpoint).map_err(|error| error.to_string())
}

/// The files in the directory that are the engine's. Anything else there is not ours to remove.
fn own_files(path: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    const NAMES: [&str; 4] = ["meta.json", ".managed.json", ".tantivy-writer.lock", ".tantivy-meta.lock"];
    const UUID_LEN: usize = 32;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let stem = name.split('.').next().unwrap_or_default();
        let segment = stem.len() == UUID_LEN && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        if entry.file_type()?.is_file() && (segment || NAMES.contains(&name)) {
            files.push(entry.path());
        }
    }
    Ok(files)
}
