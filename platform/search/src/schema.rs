use std::sync::Arc;

use tantivy::schema::{
    Field, IndexRecordOption, NumericOptions, STRING, Schema as EngineSchema, TextFieldIndexing, TextOptions,
};

use crate::analysis::WORDS;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Keyword,
    Path,
    Attributes,
    Number,
    Flag,
    SortKey,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Keyword => "keyword",
            Self::Path => "path",
            Self::Attributes => "attributes",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::SortKey => "sort key",
        }
    }

    /// Whether its values can be counted and filtered by.
    pub(crate) const fn is_facet(self) -> bool {
        matches!(self, Self::Keyword | Self::Path | Self::Attributes)
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldEntry {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) field: Field,
    /// For text: its boost over the largest one, above 0 and at most 1.
    pub(crate) boost: f32,
}

/// The fields of an index. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schema(Arc<Fields>);

#[derive(Debug)]
struct Fields {
    entries: Vec<FieldEntry>,
    engine: EngineSchema,
    key: Field,
    version: Field,
    live: Field,
    english: bool,
}

impl Schema {
    /// Starts with no fields.
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder { fields: Vec::new(), english: false }
    }

    pub(crate) fn entries(&self) -> &[FieldEntry] {
        &self.0.entries
    }

    pub(crate) fn texts(&self) -> impl Iterator<Item = &FieldEntry> {
        self.entries().iter().filter(|entry| entry.kind == Kind::Text)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&FieldEntry> {
        self.entries().iter().find(|entry| entry.name == name)
    }

    pub(crate) fn of_kind(&self, name: &str, kind: Kind) -> Option<&FieldEntry> {
        self.entry(name).filter(|entry| entry.kind == kind)
    }

    pub(crate) fn engine(&self) -> &EngineSchema {
        &self.0.engine
    }

    pub(crate) fn key(&self) -> Field {
        self.0.key
    }

    pub(crate) fn version(&self) -> Field {
        self.0.version
    }

    /// True for documents, absent from the marks of removed ones.
    pub(crate) fn live(&self) -> Field {
        self.0.live
    }

    pub(crate) fn english(&self) -> bool {
        self.0.english
    }
}

/// The engine's name of the key's column.
pub(crate) const KEY: &str = "_key";
/// The engine's name of the version's column.
pub(crate) const VERSION: &str = "_version";
const LIVE: &str = "_live";

/// Collects the fields of a [`Schema`].
#[derive(Debug)]
pub struct SchemaBuilder {
    fields: Vec<(&'static str, Kind, f32)>,
    english: bool,
}

impl SchemaBuilder {
    /// Text to search in and to highlight. Only the ratio of the boosts counts; they must be above 0.
    pub fn text(self, name: &'static str, boost: f32) -> Self {
        assert!(boost > 0.0 && boost.is_finite(), "the boost of {name} is a positive number");
        self.with(name, Kind::Text, boost)
    }

    /// Plain values to filter by and to count, any number per document: a brand, tags.
    pub fn keyword(self, name: &'static str) -> Self {
        self.with(name, Kind::Keyword, 1.0)
    }

    /// Paths such as `home/kitchen/mugs`, filtered and counted at every level, any number per document.
    pub fn path(self, name: &'static str) -> Self {
        self.with(name, Kind::Path, 1.0)
    }

    /// Named values such as `colour:red`, filtered and counted per name, any number per document.
    pub fn attributes(self, name: &'static str) -> Self {
        self.with(name, Kind::Attributes, 1.0)
    }

    /// Integers to filter by range and to sort by: a price in minor units, a time. With several in one document
    /// any of them may match a range and the first one sorts.
    pub fn number(self, name: &'static str) -> Self {
        self.with(name, Kind::Number, 1.0)
    }

    /// Yes or no, to filter by.
    pub fn flag(self, name: &'static str) -> Self {
        self.with(name, Kind::Flag, 1.0)
    }

    /// A text to sort by, ignoring case and accents; it is not searched.
    pub fn sort_key(self, name: &'static str) -> Self {
        self.with(name, Kind::SortKey, 1.0)
    }

    /// Also finds the English singular by the plural and the other way round (`mugs`, `mug`).
    pub fn english(mut self) -> Self {
        self.english = true;
        self
    }

    fn with(mut self, name: &'static str, kind: Kind, boost: f32) -> Self {
        assert!(!name.starts_with('_'), "names with a leading underscore are the index's own");
        assert!(self.fields.iter().all(|(known, ..)| *known != name), "the field {name} is named once");
        self.fields.push((name, kind, boost));
        self
    }

    /// Fixes the fields.
    pub fn build(self) -> Schema {
        let boost_max =
            self.fields.iter().filter(|(_, kind, _)| *kind == Kind::Text).map(|(.., boost)| *boost);
        let boost_max = boost_max.fold(f32::MIN_POSITIVE, f32::max);
        let mut engine = EngineSchema::builder();
        let key = engine.add_text_field(KEY, exact());
        let version = engine.add_i64_field(VERSION, NumericOptions::default().set_fast());
        let live = engine.add_bool_field(LIVE, NumericOptions::default().set_indexed());
        let entries = self
            .fields
            .into_iter()
            .map(|(name, kind, boost)| {
                let boost = if kind == Kind::Text { boost / boost_max } else { 1.0 };
                let field = match kind {
                    Kind::Text => engine.add_text_field(name, words(boost)),
                    Kind::Keyword | Kind::Path | Kind::Attributes => engine.add_text_field(name, exact()),
                    Kind::Number => engine.add_i64_field(name, NumericOptions::default().set_fast()),
                    Kind::Flag => engine.add_bool_field(name, NumericOptions::default().set_indexed()),
                    Kind::SortKey => engine.add_text_field(name, TextOptions::default().set_fast("raw")),
                };
                FieldEntry { name, kind, field, boost }
            })
            .collect();
        Schema(Arc::new(Fields {
            entries,
            engine: engine.build(),
            key,
            version,
            live,
            english: self.english,
        }))
    }
}

/// Whole values, each a term and in a column.
fn exact() -> TextOptions {
    STRING.set_fast("raw")
}

/// Words, stored for highlighting. Only the weightiest fields have positions, for the bonus of words in a row.
fn words(boost: f32) -> TextOptions {
    let record =
        if boost >= 1.0 { IndexRecordOption::WithFreqsAndPositions } else { IndexRecordOption::Basic };
    let indexing = TextFieldIndexing::default().set_tokenizer(WORDS).set_index_option(record);
    TextOptions::default().set_indexing_options(indexing).set_stored()
}
