use tantivy::Order;

use crate::{FacetCounts, FacetRequest, Filter};

/// Longest query text read, in characters; the rest is ignored.
pub(crate) const TEXT_CHARS_MAX: usize = 200;
/// Most words of a query that count.
pub(crate) const WORDS_MAX: usize = 10;
/// Most hits of one answer.
const LIMIT_MAX: usize = 100;
/// Furthest first hit of an answer.
const OFFSET_MAX: usize = 1_000;

/// What is looked for. There is no query language: any text is plain words, and all words must match.
#[derive(Debug, Clone, Default)]
pub struct Query {
    pub(crate) text: String,
    pub(crate) filters: Vec<Filter>,
    pub(crate) facets: Vec<FacetRequest>,
    pub(crate) sort: Sort,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    pub(crate) highlight: bool,
}

/// The order of the hits. Equal ones come in the order of their keys; those without the value come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// The best match first. Without text, the order of keys.
    #[default]
    Relevance,
    /// The smallest number, or the first text, of this field first.
    Ascending(&'static str),
    /// The largest number, or the last text, of this field first.
    Descending(&'static str),
}

impl Sort {
    pub(crate) fn by(self) -> Option<(&'static str, Order)> {
        match self {
            Self::Relevance => None,
            Self::Ascending(field) => Some((field, Order::Asc)),
            Self::Descending(field) => Some((field, Order::Desc)),
        }
    }
}

impl Query {
    /// Looks for these words; for every document if the text is empty. Asks for 20 hits.
    ///
    /// The first 200 characters and ten words count. The last word may be unfinished.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), limit: 20, ..Self::default() }
    }

    /// Only hits that pass this filter, besides the ones before it.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Also counts the values of a field.
    pub fn facet(mut self, facet: FacetRequest) -> Self {
        self.facets.push(facet);
        self
    }

    /// Orders the hits by a number or sort key instead of by relevance.
    pub fn sort(mut self, sort: Sort) -> Self {
        self.sort = sort;
        self
    }

    /// Skips this many hits, at most 1,000.
    pub fn offset(mut self, offset: usize) -> Self {
        self.offset = offset.min(OFFSET_MAX);
        self
    }

    /// Returns up to this many hits, at most 100; 0 only counts.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(LIMIT_MAX);
        self
    }

    /// Also returns the texts of each hit with the matching words marked.
    pub fn highlight(mut self) -> Self {
        self.highlight = true;
        self
    }
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hits {
    /// The hits from the query's offset on, in its order.
    pub hits: Vec<Hit>,
    /// How many documents match in all.
    pub total: usize,
    /// The counts asked for, in the order of asking; attributes give one for each name.
    pub facets: Vec<FacetCounts>,
    /// Whether nothing matched all words, so that these match only some of them.
    pub relaxed: bool,
}

/// A document found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its key.
    pub key: String,
    /// How well it matches, to compare within one answer only; 0 when sorted by a field.
    pub score: f32,
    /// Field and HTML of each text that has a matching word: the text escaped, the words in `<mark>`. A long text is
    /// cut to the part around the first match.
    pub highlights: Vec<(&'static str, String)>,
}
