//! The changes to the catalogue, by which nodes that share the data follow each other.

use shoal_contract::products::{CategoryId, ProductId};
use shoal_sql::{Error, FromRow, ReadTx, Row, Tx, Value, params};
use shoal_types::{Env, Id, Noun, Timestamp};
use uuid::Uuid;

use crate::error::Stop;
use crate::events::TREE;

shoal_sql::statements! {
    pub(crate) mod sql {
        COUNT_CHANGES = include_str!("count_changes.sql");
        ADD_CHANGES = "insert into catalogue_changes (number, change_id, kind, subject_id, at) values {rows:5}";
        LIST_CHANGES = "select number, change_id, kind, subject_id from catalogue_changes
            where number >= $1 order by number limit $2";
        LAST_CHANGE = "select number, change_id from catalogue_changes order by number desc limit 1";
        FORGET_CHANGES = include_str!("forget_changes.sql");
    }
}

/// The word for a change to a product.
const PRODUCT: &str = "product";
/// The word for a change to the tree: a category that was there before, or [`TREE`].
const CATEGORY: &str = "category";

/// Who else must hear of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// This process has the data to itself.
    Nobody,
    /// Other nodes may share it.
    Nodes,
}

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Product(ProductId),
    /// The tree, and this category of it.
    Category(CategoryId),
    /// The tree: a category came or went.
    Tree,
}

impl Subject {
    fn columns(self) -> (&'static str, Uuid) {
        match self {
            Self::Product(id) => (PRODUCT, id.uuid()),
            Self::Category(id) => (CATEGORY, id.uuid()),
            Self::Tree => (CATEGORY, TREE.uuid()),
        }
    }
}

/// Where somebody who follows the changes stands: at one of them, or before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// From 1; 0 before the first.
    pub(crate) number: i64,
    id: Uuid,
}

#[cfg(test)]
impl Position {
    /// The change `number`, told from others by `id`.
    pub(crate) fn of(number: i64, id: i64) -> Self {
        Self { number, id: Uuid::from_u128(u128::from(id.unsigned_abs())) }
    }
}

impl FromRow for Position {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        Ok(Self { number: row.get(0)?, id: row.get(1)? })
    }
}

/// A change that was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Noted {
    pub(crate) position: Position,
    pub(crate) subject: Subject,
}

impl FromRow for Noted {
    fn from_row(row: &Row<'_>) -> Result<Self, Error> {
        let (kind, id): (String, Uuid) = (row.get(2)?, row.get(3)?);
        let subject = match kind.as_str() {
            PRODUCT => Subject::Product(Id::from_uuid(id)),
            _ if id == TREE.uuid() => Subject::Tree,
            _ => Subject::Category(Id::from_uuid(id)),
        };
        Ok(Self { position: Position::from_row(row)?, subject })
    }
}

/// Marks the ids of changes.
struct ChangeNoun;

impl Noun for ChangeNoun {
    const PREFIX: &'static str = "change";
}

/// Notes changes to products for those who share the data, as the last statements of the transaction: what it has
/// read of the tree at version `tree` still holds, and until the commit nobody else changes anything.
///
/// # Errors
/// `Overtaken` if the tree was changed since.
pub(crate) async fn tell(
    tx: &mut Tx,
    audience: Audience,
    env: &Env,
    tree: u64,
    products: impl IntoIterator<Item = ProductId>,
) -> Result<(), Stop> {
    if audience == Audience::Nobody {
        return Ok(());
    }
    let subjects: Vec<Subject> = products.into_iter().map(Subject::Product).collect();
    if count(tx, audience, env, 0, &subjects).await? == tree { Ok(()) } else { Err(Stop::Overtaken) }
}

/// Counts a change to the tree that was read at version `seen`, notes `changed` for those who share the data, and
/// answers the new version. From here to the commit nobody else changes anything.
///
/// # Errors
/// `Overtaken` if it was changed since.
pub(crate) async fn tell_of_tree(
    tx: &mut Tx,
    audience: Audience,
    env: &Env,
    seen: u64,
    changed: impl IntoIterator<Item = CategoryId>,
) -> Result<u64, Stop> {
    let mut subjects: Vec<Subject> = changed.into_iter().map(Subject::Category).collect();
    if subjects.is_empty() {
        subjects.push(Subject::Tree);
    }
    let version = count(tx, audience, env, 1, &subjects).await?;
    if version == seen + 1 { Ok(version) } else { Err(Stop::Overtaken) }
}

/// Counts and notes changes; the tree's version then.
async fn count(
    tx: &mut Tx,
    audience: Audience,
    env: &Env,
    to_tree: i64,
    subjects: &[Subject],
) -> Result<u64, Stop> {
    let noted = match audience {
        Audience::Nobody => &[],
        Audience::Nodes => subjects,
    };
    let more = i64::try_from(noted.len()).unwrap_or(i64::MAX);
    let counted: Option<(u64, i64)> =
        tx.find(sql::COUNT_CHANGES, params![TREE.uuid(), to_tree, more]).await?;
    let (version, last) = counted.ok_or(Stop::Overtaken)?;
    let now = env.now();
    let row = |(number, subject): (i64, &Subject)| {
        let (kind, id) = subject.columns();
        params![number, env.id::<ChangeNoun>(), kind, id, now]
    };
    let rows: Vec<[Value; 5]> = (last - more + 1..).zip(noted).map(row).collect();
    if !rows.is_empty() {
        tx.execute_rows(sql::ADD_CHANGES, params![], &rows).await?;
    }
    Ok(version)
}

/// The change at `number` and those after it, at most `limit`.
pub(crate) async fn list_changes(tx: &mut ReadTx, number: i64, limit: u16) -> Result<Vec<Noted>, Error> {
    tx.list(sql::LIST_CHANGES, params![number, limit]).await
}

/// The last change.
pub(crate) async fn last_change(tx: &mut ReadTx) -> Result<Position, Error> {
    Ok(tx.find(sql::LAST_CHANGE, params![]).await?.unwrap_or_default())
}

/// Removes at most `limit` changes made before `before`, never the last one; how many it were.
pub(crate) async fn forget_changes(tx: &mut Tx, before: Timestamp, limit: u16) -> Result<u64, Error> {
    let last = last_change(tx).await?;
    tx.execute(sql::FORGET_CHANGES, params![before, last.number, limit]).await
}
