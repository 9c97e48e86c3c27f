//! Our documents, made of rows and handed to their houses.

mod category;
mod order;
mod product;
mod user;

use std::collections::HashSet;
use std::fmt::Display;
use std::future::Future;

use serde::de::DeserializeOwned;
use shoal_contract::Address;
use shoal_contract::users::Imported;
use shoal_types::{Context, Fact};

use crate::Kind;
use crate::categories::Tree;
use crate::cells::{Row, Sheet};
use crate::convert::{self, Bad};
use crate::group::Kept;
use crate::mapping::{AddressRules, Mapping, Pick, Rule};
use crate::slug::Slugs;
use crate::summary::{Notes, Targets};

/// What documents are made with: the mapping, and what must be remembered from one to the next.
pub(crate) struct Desk<'m> {
    pub(crate) mapping: &'m Mapping,
    pub(crate) tree: Tree,
    pub(crate) slugs: Slugs,
    pub(crate) notes: Notes,
}

/// A document and where it comes from.
#[derive(Debug)]
pub(crate) struct Parsed<D> {
    pub(crate) document: D,
    /// The lines of its rows, at least one.
    pub(crate) lines: Vec<u64>,
    /// The line of each of its variants or order lines.
    pub(crate) parts: Vec<u64>,
    /// Its file, if it is not the one that was named.
    pub(crate) file: Option<String>,
}

/// A row that spoils its document.
pub(crate) type Spoiled = (u64, Bad);

/// A service that stopped an import.
pub(crate) struct Stop {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl<E: Fact> From<E> for Stop {
    fn from(error: E) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

/// What can be imported.
pub(crate) trait Document: DeserializeOwned + Send + 'static {
    const KIND: Kind;
    /// What it is found again by, for people.
    const IDENTITY: &'static str;

    /// Makes one document of its rows; there is at least one.
    fn build(desk: &mut Desk<'_>, sheet: &Sheet, rows: &[Kept]) -> Result<(Self, Vec<u64>), Spoiled>;

    /// What it is found again by.
    fn identity(&self) -> String;

    /// Drops a reference to a category that a dry run did not make.
    fn forget_category(&mut self, _unmade: &HashSet<String>) {}

    /// Hands documents to their house; one outcome for each.
    fn write(
        targets: &Targets,
        cx: &Context,
        documents: Vec<Self>,
        dry_run: bool,
    ) -> impl Future<Output = Result<Vec<Imported>, Stop>> + Send;
}

/// One value out of the rows of a document, by the rule's `pick`. Different values are noted.
fn pick<T: PartialOrd + Display>(
    rule: &Rule,
    rows: &[Kept],
    sheet: &Sheet,
    notes: &mut Notes,
    mut read: impl FnMut(&Rule, Row<'_>, &mut Notes) -> Result<Option<T>, Bad>,
) -> Result<Option<T>, Spoiled> {
    let mut picked: Option<T> = None;
    let mut differs = None;
    for kept in rows {
        let Some(value) = read(rule, kept.row(sheet), notes).map_err(|bad| (kept.line, bad))? else {
            continue;
        };
        let Some(so_far) = &picked else {
            picked = Some(value);
            continue;
        };
        if *so_far == value {
            continue;
        }
        differs.get_or_insert(kept.line);
        let better = match rule.0.pick {
            Pick::First => false,
            Pick::Last => true,
            Pick::Least => value < *so_far,
            Pick::Greatest => value > *so_far,
        };
        if better {
            picked = Some(value);
        }
    }
    if let (Some(line), Some(taken)) = (differs, &picked) {
        notes.add("several_values", || {
            let column = rule.first_column().unwrap_or_default();
            format!("line {line}: {column} differs within one document, {taken} was taken")
        });
    }
    Ok(picked)
}

fn pick_text(
    rule: Option<&Rule>,
    rows: &[Kept],
    sheet: &Sheet,
    notes: &mut Notes,
) -> Result<Option<String>, Spoiled> {
    let Some(rule) = rule else { return Ok(None) };
    pick(rule, rows, sheet, notes, |rule, row, _| {
        Ok(convert::text(rule, row)?.map(std::borrow::Cow::into_owned))
    })
}

/// The first row that gives something.
fn first<T>(
    rows: &[Kept],
    sheet: &Sheet,
    mut read: impl FnMut(Row<'_>) -> Result<Option<T>, Bad>,
) -> Result<Option<T>, Spoiled> {
    for kept in rows {
        if let Some(found) = read(kept.row(sheet)).map_err(|bad| (kept.line, bad))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The text of a rule in one row, if there is a rule.
fn text_of(rule: Option<&Rule>, row: Row<'_>) -> Result<Option<String>, Bad> {
    match rule {
        Some(rule) => Ok(convert::text(rule, row)?.map(std::borrow::Cow::into_owned)),
        None => Ok(None),
    }
}

/// Passes a value that must be there.
fn needed<T>(value: Option<T>, rule: Option<&Rule>, what: &str) -> Result<T, Bad> {
    value.ok_or_else(|| Bad {
        column: rule.and_then(Rule::first_column),
        value: None,
        code: "missing_value",
        reason: format!("the {what} is blank"),
    })
}

fn missing_section() -> Spoiled {
    let reason = "the mapping lacks the table of this kind".to_owned();
    (0, Bad { column: None, value: None, code: "invalid_mapping", reason })
}

/// A word out of a fixed few.
fn word<T>(
    rule: Option<&Rule>,
    word: Option<String>,
    parse: fn(&str) -> Option<T>,
    known: &str,
) -> Result<Option<T>, Bad> {
    let Some(word) = word else { return Ok(None) };
    match parse(&word) {
        Some(value) => Ok(Some(value)),
        None => Err(Bad {
            column: rule.and_then(Rule::first_column),
            reason: format!("expected one of {known}"),
            value: Some(word),
            code: "unknown_word",
        }),
    }
}

/// An address, if the row has its first line. The name falls back to `name`.
fn address(rules: &AddressRules, row: Row<'_>, name: &str) -> Result<Option<Address>, Bad> {
    let Some(line1) = text_of(rules.line1.as_ref(), row)? else { return Ok(None) };
    let city = text_of(rules.city.as_ref(), row)?;
    let country = text_of(rules.country.as_ref(), row)?;
    Ok(Some(Address {
        name: text_of(rules.name.as_ref(), row)?.unwrap_or_else(|| name.to_owned()),
        line1,
        line2: text_of(rules.line2.as_ref(), row)?,
        city: needed(city, rules.city.as_ref(), "city of the address")?,
        postal_code: text_of(rules.postal_code.as_ref(), row)?,
        region: text_of(rules.region.as_ref(), row)?,
        country: needed(country, rules.country.as_ref(), "country of the address")?,
        phone: text_of(rules.phone.as_ref(), row)?,
    }))
}
