use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::{Fault, Violation};

/// How many items a page holds: 1 to 100, 20 if not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(value_type = u32, minimum = 1, maximum = 100, default = 20)]
pub struct Limit(u32);

impl Limit {
    /// The largest page.
    pub const MAX: Self = Self(100);

    /// Takes `count` if it is within 1 to 100.
    pub fn new(count: u32) -> Option<Self> {
        (1..=Self::MAX.0).contains(&count).then_some(Self(count))
    }

    /// The number of items.
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// One more than the page holds, to see whether a next page exists; as a SQL parameter.
    pub const fn probe(self) -> i64 {
        self.0 as i64 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = u32::deserialize(deserializer)?;
        Self::new(count).ok_or_else(|| serde::de::Error::custom("expected a limit from 1 to 100"))
    }
}

/// Where the next page starts: the sort key of the last item seen, opaque to clients.
///
/// Keys are joined by `\u{1f}`, which no key may contain; the text is URL-safe base 64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Cursor(String);

impl Cursor {
    const SEPARATOR: char = '\u{1f}';
    const LEN_MAX: usize = 1024;

    /// The cursor after an item with these sort keys.
    pub fn after(keys: &[&str]) -> Self {
        let mut joined = String::new();
        for (index, key) in keys.iter().enumerate() {
            if index > 0 {
                joined.push(Self::SEPARATOR);
            }
            joined.push_str(key);
        }
        Self(URL_SAFE_NO_PAD.encode(joined))
    }

    /// The `N` sort keys within.
    ///
    /// # Errors
    /// `Invalid` at `cursor` for text this system did not make for this list.
    pub fn keys<const N: usize>(&self) -> Result<[String; N], Fault> {
        self.decode()
            .ok_or_else(|| Fault::invalid("cursor", "cursor", "expected the `next` value of an earlier page"))
    }

    fn decode<const N: usize>(&self) -> Option<[String; N]> {
        if self.0.len() > Self::LEN_MAX {
            return None;
        }
        let joined = String::from_utf8(URL_SAFE_NO_PAD.decode(&self.0).ok()?).ok()?;
        let keys: Vec<String> = joined.split(Self::SEPARATOR).map(str::to_owned).collect();
        keys.try_into().ok()
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Items wanted.
    #[serde(default)]
    pub limit: Limit,
    /// Where to start; the beginning if absent.
    #[serde(default)]
    pub cursor: Option<Cursor>,
}

/// One page of a list in its order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items, at most the limit.
    pub items: Vec<T>,
    /// The cursor of the next page; absent on the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts the rows of a query for [`Limit::probe`] items into a page; `key` gives the cursor of the last item.
    pub fn cut(mut rows: Vec<T>, limit: Limit, key: impl Fn(&T) -> Cursor) -> Self {
        let more = rows.len() > limit.get();
        rows.truncate(limit.get());
        let next = if more { rows.last().map(key) } else { None };
        Self { items: rows, next }
    }

    /// The same page with each item changed.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

/// A violation of a list's parameters.
impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Invalid { violations: vec![violation] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_gives_its_keys_back_or_an_error() {
        let cursor = Cursor::after(&["2026", "order_1"]);
        assert_eq!(cursor.keys::<2>(), Ok(["2026".to_owned(), "order_1".to_owned()]));
        assert!(cursor.keys::<3>().is_err());
        assert!(Cursor("*".into()).keys::<1>().is_err());
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let limit = Limit::new(2).expect("in range");
        let page = Page::cut(vec![1, 2, 3], limit, |n| Cursor::after(&[&n.to_string()]));
        assert_eq!((page.items, page.next), (vec![1, 2], Some(Cursor::after(&["2"]))));
        assert_eq!(Page::cut(vec![1, 2], limit, |_| Cursor::after(&[])).next, None);
    }
}
