use std::sync::Arc;

use tantivy::query::{EmptyScorer, EnableScoring, Explanation, Query, Scorer, Weight};
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
}

impl WordQuery {
    /// `documents` is the number of documents in the index.
    pub(crate) fn new(expansion: Expansion, documents: u64) -> Self {
        let (found, all) = (expansion.frequency.min(documents) as f32, documents as f32);
        let rarity = 0.5 + 0.5 * (1.0 + (all - found) / (1.0 + found)).ln() / (2.0 + all).ln();
        Self(Arc::new(Matcher { fields: expansion.fields, rarity }))
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
        let Some(scores) = self.0.scores(reader)? else { return Ok(Box::new(EmptyScorer)) };
        let factor = boost * self.0.rarity;
        let hits: Vec<(DocId, Score)> = (0..)
            .zip(scores)
            .filter(|(_, score)| *score > 0.0)
            .map(|(doc, score)| (doc, score * factor))
            .collect();
        Ok(Box::new(WordScorer { hits, at: 0 }))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let score = self.0.scores(reader)?.and_then(|scores| scores.get(doc as usize).copied());
        Ok(Explanation::new("word", score.unwrap_or(0.0) * self.0.rarity))
    }
}

impl Matcher {
    /// The score of every document of a segment, 0 for those that do not match; nothing if none does.
    fn scores(&self, reader: &SegmentReader) -> tantivy::Result<Option<Vec<Score>>> {
        let mut scores: Option<Vec<Score>> = None;
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
            let sums = scores.get_or_insert_with(|| vec![0.0; reader.max_doc() as usize]);
            for doc in matched {
                let (sum, score) = (&mut sums[doc as usize], std::mem::take(&mut in_field[doc as usize]));
                *sum = sum.max(score) + FURTHER_FIELD * sum.min(score);
            }
        }
        Ok(scores)
    }
}

/// Walks the matching documents of a segment.
struct WordScorer {
    hits: Vec<(DocId, Score)>,
    at: usize,
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
        self.hits.get(self.at).map_or(0.0, |(_, score)| *score)
    }
}
