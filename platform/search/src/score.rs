use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, Term};

use crate::expansion::{Expansion, FieldTerms};

/// What a match in further fields adds, as a part of its own score.
const FURTHER_FIELD: f32 = 0.1;
/// What a match in a very short field gets more than one in a very long field.
const SHORTNESS: f32 = 0.1;

/// Matches documents with one of the terms that a word stands for.
///
/// A document scores by its best match, a little more if the field is short and if other fields match too; the
/// whole times the word's rarity.
#[derive(Debug, Clone)]
pub(crate) struct WordQuery(Arc<Matcher>);

#[derive(Debug)]
struct Matcher {
    fields: Vec<FieldTerms>,
    /// From a half, for a word in every document, to 1.
    rarity: f32,
    /// The hits of the segments walked so far: facets and fewer words walk them again.
    hits: Mutex<HashMap<SegmentId, SegmentHits>>,
}

/// The matching documents of a segment, in order, and their scores.
type SegmentHits = Arc<[(DocId, Score)]>;

impl WordQuery {
    /// `documents` is the number of documents in the index.
    pub(crate) fn new(expansion: Expansion, documents: u64) -> Self {
        let (found, all) = (expansion.frequency.min(documents) as f32, documents as f32);
        let rarity = 0.5 + 0.5 * (1.0 + (all - found) / (1.0 + found)).ln() / (2.0 + all).ln();
        Self(Arc::new(Matcher { fields: expansion.fields, rarity, hits: Mutex::default() }))
    }
}

impl Query for WordQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(WordWeight(self.0.clone())))
    }
}

struct WordWeight(Arc<Matcher>);

impl Weight for WordWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let hits = self.0.hits(reader)?;
        Ok(Box::new(WordScorer { hits, at: 0, boost }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let hits = self.0.hits(reader)?;
        let score = hits.binary_search_by_key(&doc, |(doc, _)| *doc).map_or(0.0, |at| hits[at].1);
        Ok(Explanation::new("word", score))
    }
}

impl Matcher {
    fn hits(&self, reader: &SegmentReader) -> tantivy::Result<SegmentHits> {
        // What is in the map is whole, even if a walk has panicked.
        let mut known = self.hits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hits) = known.get(&reader.segment_id()) {
            return Ok(hits.clone());
        }
        let scored = (0..).zip(self.scores(reader)?).filter(|(_, score)| *score > 0.0);
        let hits: SegmentHits = scored.map(|(doc, score)| (doc, score * self.rarity)).collect();
        known.insert(reader.segment_id(), hits.clone());
        Ok(hits)
    }

    /// The score of every document of a segment, 0 for those that do not match; none at all if no field can match.
    fn scores(&self, reader: &SegmentReader) -> tantivy::Result<Vec<Score>> {
        if self.fields.is_empty() {
            return Ok(Vec::new());
        }
        let mut scores: Vec<Score> = vec![0.0; reader.max_doc() as usize];
        let mut in_field = vec![0.0; reader.max_doc() as usize];
        for FieldTerms { field, terms } in &self.fields {
            let index = reader.inverted_index(*field)?;
            let norms = reader.get_fieldnorms_reader(*field)?;
            let mut matched: Vec<DocId> = Vec::new();
            for (term, weight) in terms {
                let term = Term::from_field_text(*field, term);
                let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else {
                    continue;
                };
                while postings.doc() != TERMINATED {
                    let doc = postings.doc();
                    let score: &mut Score = &mut in_field[doc as usize];
                    if *score == 0.0 {
                        let length = norms.fieldnorm(doc) as f32;
                        *score = weight * (1.0 + SHORTNESS / (1.0 + length / 8.0));
                        matched.push(doc);
                    }
                    postings.advance();
                }
            }
            for doc in matched {
                let (sum, score) = (&mut scores[doc as usize], std::mem::take(&mut in_field[doc as usize]));
                *sum = sum.max(score) + FURTHER_FIELD * sum.min(score);
            }
        }
        Ok(scores)
    }
}

/// Walks the matching documents of a segment.
struct WordScorer {
    hits: SegmentHits,
    at: usize,
    boost: Score,
}

impl DocSet for WordScorer {
    fn advance(&mut self) -> DocId {
        self.at = self.hits.len().min(self.at + 1);
        self.doc()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        let rest = &self.hits[self.at..];
        self.at += rest.partition_point(|(doc, _)| *doc < target);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.hits.get(self.at).map_or(TERMINATED, |(doc, _)| *doc)
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.hits.len()).unwrap_or(u32::MAX)
    }
}

impl Scorer for WordScorer {
    fn score(&mut self) -> Score {
        self.hits.get(self.at).map_or(0.0, |(_, score)| *score * self.boost)
    }
}
