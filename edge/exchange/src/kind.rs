use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What is brought in or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Products with their variants.
    Products,
    /// User accounts.
    Users,
    /// Past orders.
    Orders,
    /// Categories.
    Categories,
}

impl Kind {
    /// The word on the command line and in a mapping: `products`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Products => "products",
            Self::Users => "users",
            Self::Orders => "orders",
            Self::Categories => "categories",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Products, Self::Users, Self::Orders, Self::Categories]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Comma separated values with a header, RFC 4180; one row a variant, user, order line or category.
    Csv,
    /// One JSON document a line: nothing is lost.
    JsonLines,
}

impl Format {
    /// Reads the word on the command line: `csv`, `jsonl`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" | "json-lines" => Some(Self::JsonLines),
            _ => None,
        }
    }

    /// Tells the format by the file's ending: `.csv`, `.tsv`, `.jsonl`, `.ndjson`.
    ///
    /// # Errors
    /// `UnknownFormat` for any other ending.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "txt" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            _ => Err(Error::UnknownFormat { file: path.to_owned() }),
        }
    }
}

/// What stands between the cells of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Delimiter {
    /// `,`
    #[default]
    #[serde(rename = ",")]
    Comma,
    /// `;`, as spreadsheets write it where the comma is the decimal mark.
    #[serde(rename = ";")]
    Semicolon,
    /// A tabulator.
    #[serde(rename = "\t", alias = "tab")]
    Tab,
}

impl Delimiter {
    /// Reads the word on the command line: `,`, `;`, `tab`.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "," | "comma" => Some(Self::Comma),
            ";" | "semicolon" => Some(Self::Semicolon),
            "\t" | "tab" => Some(Self::Tab),
            _ => None,
        }
    }

    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }

    /// What a file of this name has, unless something else was said.
    pub(crate) fn of(path: &Path) -> Self {
        let tsv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tsv"));
        if tsv { Self::Tab } else { Self::Comma }
    }
}
