use tantivy::TantivyDocument;

use crate::Error;
use crate::analysis::folded;
use crate::schema::{Kind, Schema};

/// Longest text searched, in bytes; the rest is ignored.
const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Longest keyword, path, attribute or sort key, in bytes; the rest is cut.
pub(crate) const VALUE_BYTES_MAX: usize = 512;
/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 256;
/// Between the steps of a path.
pub(crate) const PATH_SEPARATOR: char = '/';
/// Between the name and the value of an attribute.
pub(crate) const ATTRIBUTE_SEPARATOR: char = ':';

/// A change to the index. Of two changes to a key the one with the larger version stands, in whatever order they
/// come; a repeat changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds the document or replaces the one with its key.
    Put(Document),
    /// Removes the document with this key.
    Remove {
        /// The document's key.
        key: String,
        /// The version of the removal.
        version: i64,
    },
}

impl Change {
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), Error> {
        match self {
            Self::Put(document) => document.check(schema),
            Self::Remove { key, .. } => check_key(key),
        }
    }
}

/// What is found: values by field, under a key.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    pub(crate) key: String,
    pub(crate) version: i64,
    values: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Keyword(String),
    Path(String),
    Attribute(String),
    Number(i64),
    Flag(bool),
    SortKey(String),
}

impl Value {
    const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Text,
            Self::Keyword(_) => Kind::Keyword,
            Self::Path(_) => Kind::Path,
            Self::Attribute(_) => Kind::Attributes,
            Self::Number(_) => Kind::Number,
            Self::Flag(_) => Kind::Flag,
            Self::SortKey(_) => Kind::SortKey,
        }
    }
}

impl Document {
    /// An empty document. The key has 1 to 256 bytes; versions of a key grow.
    pub fn new(key: impl Into<String>, version: i64) -> Self {
        Self { key: key.into(), version, values: Vec::new() }
    }

    /// Adds text to search in; only the first 32 KiB count.
    pub fn text(self, field: &'static str, text: &str) -> Self {
        self.with(field, Value::Text(cut(text, TEXT_BYTES_MAX).to_owned()))
    }

    /// Adds a plain value, at most 512 bytes.
    pub fn keyword(self, field: &'static str, value: &str) -> Self {
        self.with(field, Value::Keyword(cut(value, VALUE_BYTES_MAX).to_owned()))
    }

    /// Adds a path whose steps are joined by `/`; every beginning of it is counted and found too.
    pub fn path(mut self, field: &'static str, path: &str) -> Self {
        let path = cut(path, VALUE_BYTES_MAX).trim_matches(PATH_SEPARATOR);
        let ends = path.match_indices(PATH_SEPARATOR).map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            self = self.with(field, Value::Path(path[..end].to_owned()));
        }
        self
    }

    /// Adds a named value. A colon in the name becomes a space.
    pub fn attribute(self, field: &'static str, name: &str, value: &str) -> Self {
        let name = name.replace(ATTRIBUTE_SEPARATOR, " ");
        let pair = format!("{name}{ATTRIBUTE_SEPARATOR}{value}");
        self.with(field, Value::Attribute(cut(&pair, VALUE_BYTES_MAX).to_owned()))
    }

    /// Adds a number.
    pub fn number(self, field: &'static str, number: i64) -> Self {
        self.with(field, Value::Number(number))
    }

    /// Adds a yes or no.
    pub fn flag(self, field: &'static str, flag: bool) -> Self {
        self.with(field, Value::Flag(flag))
    }

    /// Sets the text this document sorts by.
    pub fn sort_key(self, field: &'static str, text: &str) -> Self {
        self.with(field, Value::SortKey(folded(cut(text, VALUE_BYTES_MAX))))
    }

    /// A value counts once per document, so a repeated one is dropped. Empty text says nothing.
    fn with(mut self, field: &'static str, value: Value) -> Self {
        let empty = match &value {
            Value::Text(text)
            | Value::Keyword(text)
            | Value::Path(text)
            | Value::Attribute(text)
            | Value::SortKey(text) => text.is_empty(),
            Value::Number(_) | Value::Flag(_) => false,
        };
        if !empty && !self.values.iter().any(|(name, known)| *name == field && *known == value) {
            self.values.push((field, value));
        }
        self
    }

    pub(crate) fn check(&self, schema: &Schema) -> Result<(), Error> {
        check_key(&self.key)?;
        for (field, value) in &self.values {
            if schema.of_kind(field, value.kind()).is_none() {
                return Err(Error::NoSuchField { field, kind: value.kind().name() });
            }
        }
        Ok(())
    }

    pub(crate) fn to_engine(&self, schema: &Schema) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_text(schema.key(), &self.key);
        document.add_i64(schema.version(), self.version);
        document.add_bool(schema.live(), true);
        for (name, value) in &self.values {
            let Some(entry) = schema.of_kind(name, value.kind()) else { continue };
            match value {
                Value::Text(text)
                | Value::Keyword(text)
                | Value::Path(text)
                | Value::Attribute(text)
                | Value::SortKey(text) => document.add_text(entry.field, text),
                Value::Number(number) => document.add_i64(entry.field, *number),
                Value::Flag(flag) => document.add_bool(entry.field, *flag),
            }
        }
        document
    }
}

/// The mark of a removed document: it keeps an older version, delivered late, from coming back.
pub(crate) fn tombstone(schema: &Schema, key: &str, version: i64) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    document.add_text(schema.key(), key);
    document.add_i64(schema.version(), version);
    document
}

fn check_key(key: &str) -> Result<(), Error> {
    if (1..=KEY_BYTES_MAX).contains(&key.len()) { Ok(()) } else { Err(Error::KeyLength { len: key.len() }) }
}

/// The longest beginning of `text` of at most `bytes` bytes that ends between characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
