use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{BooleanQuery, ConstScoreQuery, EmptyQuery, Query, RangeQuery, TermSetQuery};

use crate::document::{ATTRIBUTE_SEPARATOR, PATH_SEPARATOR, VALUE_BYTES_MAX, cut};
use crate::schema::{FieldEntry, Kind, Schema};

/// Most filters of a query that count.
const FILTERS_MAX: usize = 32;
/// Most values of one filter that count.
const VALUES_MAX: usize = 100;

/// A condition that hits must meet. One that makes no sense for the schema is met by nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Has one of these keywords, lies under one of these paths, or has for each attribute name one of its values
    /// (`colour:red`, `colour:blue` and `size:m` together mean red or blue, in size m).
    AnyOf {
        /// A keyword, path or attributes field.
        field: &'static str,
        /// The values, exactly as in the documents. At most 100 count.
        values: Vec<String>,
    },
    /// Has a number from `min` to `max`, both included and both optional.
    Range {
        /// A number field.
        field: &'static str,
        /// The smallest number allowed.
        min: Option<i64>,
        /// The largest number allowed.
        max: Option<i64>,
    },
    /// Has this flag.
    Is {
        /// A flag field.
        field: &'static str,
        /// Which.
        value: bool,
    },
}

/// The values a facet leaves out of account when it counts its own alternatives: a field, or one attribute name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) field: &'static str,
    pub(crate) attribute: Option<String>,
}

/// A filter ready for the engine.
#[derive(Debug)]
pub(crate) struct Condition {
    /// Set for filters by value.
    pub(crate) group: Option<Group>,
    query: Box<dyn Query>,
}

impl Condition {
    pub(crate) fn query(&self) -> Box<dyn Query> {
        Box::new(ConstScoreQuery::new(self.query.box_clone(), 0.0))
    }
}

/// The conditions of all filters; every one must be met.
pub(crate) fn conditions(filters: &[Filter], schema: &Schema) -> Vec<Condition> {
    filters.iter().take(FILTERS_MAX).flat_map(|filter| filter.conditions(schema)).collect()
}

impl Filter {
    fn conditions(&self, schema: &Schema) -> Vec<Condition> {
        let found = match self {
            Self::AnyOf { field, values } => {
                schema.entry(field).filter(|entry| entry.kind.is_facet()).map(|entry| any_of(entry, values))
            }
            Self::Range { field, min, max } => {
                schema.of_kind(field, Kind::Number).map(|entry| vec![range(entry, *min, *max)])
            }
            Self::Is { field, value } => schema.of_kind(field, Kind::Flag).map(|entry| {
                let term = Term::from_field_bool(entry.field, *value);
                vec![Condition { group: None, query: Box::new(TermSetQuery::new([term])) }]
            }),
        };
        found.unwrap_or_else(|| vec![Condition { group: None, query: Box::new(EmptyQuery) }])
    }
}

fn any_of(entry: &FieldEntry, values: &[String]) -> Vec<Condition> {
    let mut groups: Vec<(Group, Vec<Term>)> = Vec::new();
    for value in values.iter().take(VALUES_MAX) {
        let value = cut(value, VALUE_BYTES_MAX);
        let value = if entry.kind == Kind::Path { value.trim_matches(PATH_SEPARATOR) } else { value };
        let group = Group::of(entry, value);
        let term = Term::from_field_text(entry.field, value);
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, terms)) => terms.push(term),
            None => groups.push((group, vec![term])),
        }
    }
    if groups.is_empty() {
        groups.push((Group { field: entry.name, attribute: None }, Vec::new()));
    }
    groups
        .into_iter()
        .map(|(group, terms)| Condition { group: Some(group), query: Box::new(TermSetQuery::new(terms)) })
        .collect()
}

impl Group {
    /// The group that a value of the field belongs to.
    pub(crate) fn of(entry: &FieldEntry, value: &str) -> Self {
        let name = value.split_once(ATTRIBUTE_SEPARATOR).map_or(value, |(name, _)| name);
        let attribute = (entry.kind == Kind::Attributes).then(|| name.to_owned());
        Self { field: entry.name, attribute }
    }
}

fn range(entry: &FieldEntry, min: Option<i64>, max: Option<i64>) -> Condition {
    let bound = |number: Option<i64>, open: i64| {
        Bound::Included(Term::from_field_i64(entry.field, number.unwrap_or(open)))
    };
    let query: Box<dyn Query> = match (min, max) {
        (Some(min), Some(max)) if min > max => Box::new(EmptyQuery),
        _ => Box::new(RangeQuery::new(bound(min, i64::MIN), bound(max, i64::MAX))),
    };
    Condition { group: None, query }
}

/// Documents that match `text` and meet each condition but those of the group `without`.
pub(crate) fn narrowed(
    text: &dyn Query,
    conditions: &[Condition],
    without: Option<&Group>,
) -> Box<dyn Query> {
    let kept = conditions.iter().filter(|condition| without.is_none() || condition.group.as_ref() != without);
    let mut queries = vec![text.box_clone()];
    queries.extend(kept.map(Condition::query));
    if queries.len() == 1 {
        return text.box_clone();
    }
    Box::new(BooleanQuery::intersection(queries))
}
