use std::collections::BTreeSet;

use tantivy::collector::sort_key::{SortBySimilarityScore, SortByStaticFastValue, SortByString};
use tantivy::collector::{Collector, Count, TopDocs};
use tantivy::query::TermQuery;
use tantivy::query::{BooleanQuery, ConstScoreQuery, EmptyQuery, Occur, PhraseQuery, Query as EngineQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocAddress, Order, Searcher, TantivyDocument, Term};

use crate::analysis::{self, Word};
use crate::expansion::{Expansion, Reach, expand};
use crate::facet::{Counts, FacetCollector, FacetCounts};
use crate::filter::{Condition, Group, conditions, narrowed};
use crate::highlight::Highlighter;
use crate::query::{Hit, Hits, Query, TEXT_CHARS_MAX, WORDS_MAX};
use crate::schema::{KEY, Kind, Schema};
use crate::score::WordQuery;

/// With fewer hits than these, typos are looked for too.
const ENOUGH: usize = 5;
/// What the words in a row, in one of the weightiest fields, add to the score.
const IN_A_ROW: f32 = 0.5;
/// Most facets counted by one query.
const FACETS_MAX: usize = 16;

/// Answers a query from one snapshot of the index.
///
/// Looks for all words as they are; if that finds little, for all words with typos; if that finds nothing, for
/// fewer and fewer of them.
pub(crate) fn search(searcher: &Searcher, schema: &Schema, query: &Query) -> tantivy::Result<Hits> {
    let search = Search { searcher, schema, query, conditions: conditions(&query.filters, schema) };
    let text: String = query.text.chars().take(TEXT_CHARS_MAX).collect();
    let words = analysis::words(&text, WORDS_MAX);
    if text.trim().is_empty() {
        let live = Term::from_field_bool(schema.live(), true);
        let all = ConstScoreQuery::new(Box::new(TermQuery::new(live, IndexRecordOption::Basic)), 0.0);
        return search.hits(&all, &[]);
    }
    if words.is_empty() {
        return search.hits(&EmptyQuery, &[]);
    }
    let strict = search.clauses(&words, false)?;
    let hits = search.hits(&search.all_of(&strict, &words), &strict.expansions)?;
    if hits.total >= ENOUGH {
        return Ok(hits);
    }
    let typos = search.clauses(&words, true)?;
    let mut hits = search.hits(&search.all_of(&typos, &words), &typos.expansions)?;
    for least in (1..words.len()).rev() {
        if hits.total > 0 {
            break;
        }
        let some = BooleanQuery::union_with_minimum_required_clauses(typos.queries(), least);
        hits = search.hits(&some, &typos.expansions)?;
        hits.relaxed = hits.total > 0;
    }
    Ok(hits)
}

/// A hit and where its texts are stored.
type Found = (Hit, DocAddress);

struct Search<'a> {
    searcher: &'a Searcher,
    schema: &'a Schema,
    query: &'a Query,
    conditions: Vec<Condition>,
}

/// What to match, one clause for each word.
struct Clauses {
    clauses: Vec<Box<dyn EngineQuery>>,
    expansions: Vec<Expansion>,
}

impl Clauses {
    fn queries(&self) -> Vec<Box<dyn EngineQuery>> {
        self.clauses.iter().map(|clause| clause.box_clone()).collect()
    }

    fn word(&mut self, expansion: Expansion, documents: u64) -> Box<dyn EngineQuery> {
        self.expansions.push(expansion.clone());
        Box::new(WordQuery::new(expansion, documents))
    }
}

impl Search<'_> {
    fn clauses(&self, words: &[Word], typos: bool) -> tantivy::Result<Clauses> {
        let documents = self.searcher.num_docs();
        let mut all = Clauses { clauses: Vec::new(), expansions: Vec::new() };
        for (at, word) in words.iter().enumerate() {
            let last_word = at + 1 == words.len();
            let mut parts = Vec::new();
            for (at, part) in word.parts.iter().enumerate() {
                let beginning = last_word && at + 1 == word.parts.len();
                let expansion = expand(self.searcher, self.schema, part, Reach { beginning, typos })?;
                parts.push(all.word(expansion, documents));
            }
            let mut clause: Box<dyn EngineQuery> = Box::new(BooleanQuery::intersection(parts));
            if let Some(whole) = &word.whole {
                let reach = Reach { beginning: last_word, typos };
                let expansion = expand(self.searcher, self.schema, whole, reach)?;
                let whole = all.word(expansion, documents);
                clause = Box::new(BooleanQuery::union(vec![whole, clause]));
            }
            all.clauses.push(clause);
        }
        Ok(all)
    }

    /// All words, better if in a row.
    fn all_of(&self, clauses: &Clauses, words: &[Word]) -> BooleanQuery {
        let mut queries: Vec<(Occur, Box<dyn EngineQuery>)> =
            clauses.queries().into_iter().map(|clause| (Occur::Must, clause)).collect();
        let parts: Vec<&String> = words.iter().flat_map(|word| &word.parts).collect();
        if parts.len() > 1 {
            for entry in self.schema.texts().filter(|entry| entry.boost >= 1.0) {
                let terms = parts.iter().map(|part| Term::from_field_text(entry.field, part)).collect();
                let row = ConstScoreQuery::new(Box::new(PhraseQuery::new(terms)), IN_A_ROW);
                queries.push((Occur::Should, Box::new(row)));
            }
        }
        BooleanQuery::new(queries)
    }

    /// The answer for documents that match `text` and pass the filters.
    fn hits(&self, text: &dyn EngineQuery, expansions: &[Expansion]) -> tantivy::Result<Hits> {
        let matching = narrowed(text, &self.conditions, None);
        let facets = self.facet_fields();
        let counting = (Count, FacetCollector { columns: facets.clone() });
        let (mut hits, (total, counts)) = self.page(&*matching, counting)?;
        if self.query.highlight && !expansions.is_empty() {
            let mut highlighter = Highlighter::new(expansions);
            for (hit, address) in &mut hits {
                let document: TantivyDocument = self.searcher.doc(*address)?;
                hit.highlights = highlighter.mark(self.schema, &document);
            }
        }
        let facets = self.facets(text, &facets, counts)?;
        Ok(Hits { hits: hits.into_iter().map(|(hit, _)| hit).collect(), total, facets, relaxed: false })
    }

    /// The hits of the page asked for, and the fruit of `other`, in one pass.
    fn page<C: Collector>(
        &self,
        matching: &dyn EngineQuery,
        other: C,
    ) -> tantivy::Result<(Vec<Found>, C::Fruit)> {
        if self.query.limit == 0 {
            return Ok((Vec::new(), self.searcher.search(matching, &other)?));
        }
        let top = TopDocs::with_limit(self.query.limit).and_offset(self.query.offset);
        let key = (SortByString::for_field(KEY), Order::Asc);
        let by = self.query.sort.by().and_then(|(name, order)| Some((self.schema.entry(name)?, order)));
        match by {
            Some((entry, order)) if entry.kind == Kind::Number => {
                let sort = (SortByStaticFastValue::<i64>::for_field(entry.name), order);
                self.top(matching, top.order_by((sort, key)), other, |_| 0.0)
            }
            Some((entry, order)) if entry.kind == Kind::SortKey => {
                let sort = (SortByString::for_field(entry.name), order);
                self.top(matching, top.order_by((sort, key)), other, |_| 0.0)
            }
            _ => {
                let sort = (SortBySimilarityScore, Order::Desc);
                self.top(matching, top.order_by((sort, key)), other, |score| *score)
            }
        }
    }

    fn top<K, T, C>(
        &self,
        matching: &dyn EngineQuery,
        top: T,
        other: C,
        score: fn(&K) -> f32,
    ) -> tantivy::Result<(Vec<Found>, C::Fruit)>
    where
        T: Collector<Fruit = Vec<((K, Option<String>), DocAddress)>>,
        C: Collector,
    {
        let (found, fruit) = self.searcher.search(matching, &(top, other))?;
        let hits = found.into_iter().map(|((sort, key), address)| {
            let hit = Hit { key: key.unwrap_or_default(), score: score(&sort), highlights: Vec::new() };
            (hit, address)
        });
        Ok((hits.collect(), fruit))
    }

    fn facet_fields(&self) -> Vec<&'static str> {
        let asked = self.query.facets.iter().take(FACETS_MAX);
        let known =
            asked.filter(|facet| self.schema.entry(facet.field).is_some_and(|entry| entry.kind.is_facet()));
        known.map(|facet| facet.field).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The lists asked for. `counts` are those of the matching documents; what a facet's own filter hides is counted
    /// here once more without it.
    fn facets(
        &self,
        text: &dyn EngineQuery,
        fields: &[&'static str],
        mut counts: Vec<Counts>,
    ) -> tantivy::Result<Vec<FacetCounts>> {
        let filtered: BTreeSet<&Group> =
            self.conditions.iter().filter_map(|condition| condition.group.as_ref()).collect();
        for group in filtered {
            let Some(at) = fields.iter().position(|field| *field == group.field) else { continue };
            let Some(entry) = self.schema.entry(group.field) else { continue };
            let matching = narrowed(text, &self.conditions, Some(group));
            let collector = FacetCollector { columns: vec![group.field] };
            let own = self.searcher.search(&*matching, &collector)?.pop().unwrap_or_default();
            counts[at].retain(|value, _| Group::of(entry, value) != *group);
            counts[at].extend(own.into_iter().filter(|(value, _)| Group::of(entry, value) == *group));
        }
        let mut lists = Vec::new();
        for facet in self.query.facets.iter().take(FACETS_MAX) {
            let at = fields.iter().position(|field| *field == facet.field);
            if let (Some(at), Some(entry)) = (at, self.schema.entry(facet.field)) {
                lists.extend(facet.list(entry, &counts[at]));
            }
        }
        Ok(lists)
    }
}
