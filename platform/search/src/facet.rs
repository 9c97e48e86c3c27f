use std::collections::HashMap;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::StrColumn;
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader};

use crate::document::{ATTRIBUTE_SEPARATOR, PATH_SEPARATOR};
use crate::filter::Group;
use crate::schema::{FieldEntry, Kind};

/// Most values listed of a facet.
const VALUES_MAX: usize = 1_000;
/// Most attribute names listed.
const NAMES_MAX: usize = 50;

/// Which values of a field to count among the matching documents.
///
/// Counts leave filters by the facet's own field, or attribute name, out of account: with brand A chosen they still
/// say how many hits brand B would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetRequest {
    pub(crate) field: &'static str,
    limit: usize,
    under: String,
    depth: usize,
}

impl FacetRequest {
    /// The 20 most frequent values of a keyword, path or attributes field; of a path field the first level.
    pub fn new(field: &'static str) -> Self {
        Self { field, limit: 20, under: String::new(), depth: 1 }
    }

    /// Lists this many values, for attributes of each name; at most 1,000.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.min(VALUES_MAX);
        self
    }

    /// Counts what lies under this path only.
    pub fn under(mut self, path: &str) -> Self {
        path.trim_matches(PATH_SEPARATOR).clone_into(&mut self.under);
        self
    }

    /// Counts this many levels of paths.
    pub fn depth(mut self, levels: usize) -> Self {
        self.depth = levels;
        self
    }

    fn wants(&self, entry: &FieldEntry, value: &str) -> bool {
        if entry.kind != Kind::Path {
            return true;
        }
        let below = match self.under.as_str() {
            "" => Some(value),
            under => value.strip_prefix(under).and_then(|rest| rest.strip_prefix(PATH_SEPARATOR)),
        };
        below.is_some_and(|rest| rest.matches(PATH_SEPARATOR).count() < self.depth)
    }

    /// Sorts the counts of a field into lists: one, or one for each attribute name.
    pub(crate) fn list(&self, entry: &FieldEntry, counts: &Counts) -> Vec<FacetCounts> {
        let mut lists: Vec<FacetCounts> = Vec::new();
        for (value, &count) in counts {
            if !self.wants(entry, value) {
                continue;
            }
            let attribute = Group::of(entry, value).attribute;
            let value = match &attribute {
                Some(_) => value.split_once(ATTRIBUTE_SEPARATOR).map_or("", |(_, value)| value),
                None => value,
            };
            let value = FacetValue { value: value.to_owned(), count };
            match lists.iter_mut().find(|list| list.attribute == attribute) {
                Some(list) => list.values.push(value),
                None => lists.push(FacetCounts { field: self.field, attribute, values: vec![value] }),
            }
        }
        if lists.is_empty() && entry.kind != Kind::Attributes {
            lists.push(FacetCounts { field: self.field, attribute: None, values: Vec::new() });
        }
        for list in &mut lists {
            list.values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
            list.values.truncate(self.limit);
        }
        order_names(&mut lists);
        lists
    }
}

/// How often the values of a field, or of one attribute name, occur among the matching documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCounts {
    /// The field.
    pub field: &'static str,
    /// The attribute's name, for an attributes field.
    pub attribute: Option<String>,
    /// The values, the most frequent first, then by text.
    pub values: Vec<FacetValue>,
}

impl FacetCounts {
    fn weight(&self) -> usize {
        self.values.iter().map(|value| value.count).sum()
    }
}

/// A value and its count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// The value: a keyword, a whole path, or an attribute's value without its name.
    pub value: String,
    /// How many matching documents have it.
    pub count: usize,
}

/// Puts the most frequent attribute names first and leaves out the rarest beyond the limit.
fn order_names(lists: &mut Vec<FacetCounts>) {
    lists.sort_by(|a, b| b.weight().cmp(&a.weight()).then_with(|| a.attribute.cmp(&b.attribute)));
    lists.truncate(NAMES_MAX);
}

/// Documents per value.
pub(crate) type Counts = HashMap<String, usize>;

/// Counts the values of some columns among the documents of a search.
pub(crate) struct FacetCollector {
    pub(crate) columns: Vec<&'static str>,
}

impl Collector for FacetCollector {
    type Fruit = Vec<Counts>;
    type Child = SegmentFacets;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentFacets> {
        let columns = self.columns.iter().map(|name| {
            let column = segment.fast_fields().str(name)?;
            let counts = vec![0; column.as_ref().map_or(0, |column| column.num_terms())];
            Ok(column.map(|column| (column, counts)))
        });
        Ok(SegmentFacets { columns: columns.collect::<tantivy::Result<_>>()? })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, segments: Vec<tantivy::Result<Vec<Counts>>>) -> tantivy::Result<Vec<Counts>> {
        let mut sums = vec![Counts::new(); self.columns.len()];
        for segment in segments {
            for (sum, counts) in sums.iter_mut().zip(segment?) {
                for (value, count) in counts {
                    *sum.entry(value).or_default() += count;
                }
            }
        }
        Ok(sums)
    }
}

pub(crate) struct SegmentFacets {
    /// A column and the count per ordinal of its dictionary; nothing if no document here has a value.
    columns: Vec<Option<(StrColumn, Vec<u32>)>>,
}

impl SegmentCollector for SegmentFacets {
    type Fruit = tantivy::Result<Vec<Counts>>;

    fn collect(&mut self, doc: DocId, _: Score) {
        for (column, counts) in self.columns.iter_mut().flatten() {
            for ordinal in column.ords().values_for_doc(doc) {
                if let Some(count) = usize::try_from(ordinal).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
        }
    }

    fn harvest(self) -> Self::Fruit {
        let by_value = |(column, counts): (StrColumn, Vec<u32>)| {
            let (ordinals, counts): (Vec<u64>, Vec<u32>) =
                (0..).zip(counts).filter(|(_, count)| *count > 0).unzip();
            let mut named = Counts::with_capacity(counts.len());
            let mut counts = counts.into_iter();
            column.dictionary().sorted_ords_to_term_cb(&ordinals, |value| {
                let value = String::from_utf8_lossy(value).into_owned();
                named.insert(value, counts.next().unwrap_or(0) as usize);
            })?;
            Ok(named)
        };
        self.columns.into_iter().map(|column| column.map_or_else(|| Ok(Counts::new()), by_value)).collect()
    }
}
