use std::collections::HashMap;

use tantivy::query::{DfaWrapper, FuzzyTermQuery};
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use crate::schema::Schema;

/// How well each kind of match counts. A typo counts so little that no boost lifts it over a match without.
const EXACT: f32 = 1.0;
const INFLECTED: f32 = 0.95;
const BEGINNING: f32 = 0.8;
const ONE_TYPO: (f32, f32) = (0.2, 0.16);
const TWO_TYPOS: (f32, f32) = (0.1, 0.08);

/// Most terms a beginning stands for in one field; the most frequent are kept.
const BEGINNINGS_MAX: usize = 1_000;
/// Most misspelt terms of each kind in one field.
const TYPOS_MAX: usize = 100;
/// Most terms looked at for one beginning or spelling in one segment's dictionary.
const STREAM_MAX: usize = 20_000;

/// How far a word may be from a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The word may be the beginning of the term.
    pub(crate) beginning: bool,
    /// The word may be misspelt.
    pub(crate) typos: bool,
}

/// The terms of the index that a word stands for.
#[derive(Debug, Clone)]
pub(crate) struct Expansion {
    pub(crate) fields: Vec<FieldTerms>,
    /// Documents with one of the terms, counted once for each term and field.
    pub(crate) frequency: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct FieldTerms {
    pub(crate) field: Field,
    /// The terms and what a match counts, the best first.
    pub(crate) terms: Vec<(String, f32)>,
}

/// Weight and document frequency by term.
type Found = HashMap<String, (f32, u64)>;

/// How many typos a word may have: by its letters, as digits are rarely mistyped and always matter.
fn typos_allowed(word: &str) -> u8 {
    match word.chars().filter(|c| c.is_alphabetic()).count() {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

/// Finds the terms that `word` stands for, in all text fields.
pub(crate) fn expand(
    searcher: &Searcher,
    schema: &Schema,
    word: &str,
    reach: Reach,
) -> tantivy::Result<Expansion> {
    let mut expansion = Expansion { fields: Vec::new(), frequency: 0 };
    for entry in schema.texts() {
        let mut found = Found::new();
        add_exact(searcher, entry.field, word, EXACT, &mut found)?;
        if schema.english() {
            for form in english_forms(word) {
                add_exact(searcher, entry.field, &form, INFLECTED, &mut found)?;
            }
        }
        if reach.beginning {
            add_beginnings(searcher, entry.field, word, &mut found)?;
        }
        if reach.typos {
            add_typos(searcher, entry.field, word, reach.beginning, &mut found)?;
        }
        expansion.frequency += found.values().map(|(_, frequency)| frequency).sum::<u64>();
        let mut terms: Vec<_> =
            found.into_iter().map(|(term, (weight, _))| (term, weight * (1.0 + entry.boost))).collect();
        terms.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        if !terms.is_empty() {
            expansion.fields.push(FieldTerms { field: entry.field, terms });
        }
    }
    Ok(expansion)
}

fn add_exact(
    searcher: &Searcher,
    field: Field,
    word: &str,
    weight: f32,
    found: &mut Found,
) -> tantivy::Result<()> {
    let frequency = searcher.doc_freq(&Term::from_field_text(field, word))?;
    if frequency > 0 {
        found.entry(word.to_owned()).or_insert((weight, frequency));
    }
    Ok(())
}

fn add_beginnings(searcher: &Searcher, field: Field, word: &str, found: &mut Found) -> tantivy::Result<()> {
    // The last byte of UTF-8 text is never the largest one, so the next one ends the range.
    let mut end = word.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    let mut terms = Found::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(field)?;
        let mut stream = index.terms().range().ge(word).lt(&end).into_stream()?;
        let mut gather = Gather::new(&mut terms, BEGINNING);
        while stream.next().is_some_and(|(key, info)| gather.take(key, info.doc_freq)) {}
    }
    keep_best(terms, BEGINNINGS_MAX, found);
    Ok(())
}

fn add_typos(
    searcher: &Searcher,
    field: Field,
    word: &str,
    beginning: bool,
    found: &mut Found,
) -> tantivy::Result<()> {
    let term = Term::from_field_text(field, word);
    let mut terms = Found::new();
    for (distance, (whole, begun)) in [(1, ONE_TYPO), (2, TWO_TYPOS)] {
        if distance > typos_allowed(word) {
            break;
        }
        let query = FuzzyTermQuery::new(term.clone(), distance, true);
        add_spellings(searcher, field, &query.automaton()?, whole, &mut terms)?;
        if beginning {
            let query = FuzzyTermQuery::new_prefix(term.clone(), distance, true);
            add_spellings(searcher, field, &query.automaton()?, begun, &mut terms)?;
        }
    }
    keep_best(terms, TYPOS_MAX, found);
    Ok(())
}

fn add_spellings(
    searcher: &Searcher,
    field: Field,
    automaton: &DfaWrapper,
    weight: f32,
    terms: &mut Found,
) -> tantivy::Result<()> {
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(field)?;
        let mut stream = index.terms().search(automaton).into_stream()?;
        let mut gather = Gather::new(terms, weight);
        while stream.next().is_some_and(|(key, info)| gather.take(key, info.doc_freq)) {}
    }
    Ok(())
}

/// Takes the terms that one segment's dictionary streams.
struct Gather<'a> {
    terms: &'a mut Found,
    weight: f32,
    left: usize,
}

impl<'a> Gather<'a> {
    fn new(terms: &'a mut Found, weight: f32) -> Self {
        Self { terms, weight, left: STREAM_MAX }
    }

    /// Takes a term and says whether to go on. A term known by another weight keeps that one, which is better.
    fn take(&mut self, key: &[u8], doc_freq: u32) -> bool {
        self.left -= 1;
        let Ok(term) = std::str::from_utf8(key) else { return true };
        match self.terms.get_mut(term) {
            Some((known, sum)) if *known == self.weight => *sum += u64::from(doc_freq),
            Some(_) => {}
            None => {
                self.terms.insert(term.to_owned(), (self.weight, u64::from(doc_freq)));
            }
        }
        self.left > 0
    }
}

/// Moves the weightiest and most frequent terms to `found`, but for those already there.
fn keep_best(terms: Found, max: usize, found: &mut Found) {
    let mut terms: Vec<_> = terms.into_iter().collect();
    terms.sort_by(|(a, (a_weight, a_count)), (b, (b_weight, b_count))| {
        b_weight.total_cmp(a_weight).then_with(|| b_count.cmp(a_count)).then_with(|| a.cmp(b))
    });
    for (term, score) in terms.into_iter().take(max) {
        found.entry(term).or_insert(score);
    }
}

/// The other number of an English noun, as far as its ending tells.
fn english_forms(word: &str) -> Vec<String> {
    if word.chars().count() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Vec::new();
    }
    let sibilant = |stem: &str| ["s", "x", "z", "ch", "sh"].iter().any(|ending| stem.ends_with(ending));
    if let Some(stem) = word.strip_suffix("ies") {
        return vec![format!("{stem}y"), format!("{stem}ie")];
    }
    match word.strip_suffix("es") {
        Some(stem) if sibilant(stem) => return vec![stem.to_owned(), format!("{stem}e")],
        _ => {}
    }
    if let Some(stem) = word.strip_suffix('s').filter(|stem| !stem.ends_with('s')) {
        return vec![stem.to_owned()];
    }
    match word.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u'])) {
        Some(stem) => vec![format!("{stem}ies")],
        None if sibilant(word) => vec![format!("{word}es")],
        None => vec![format!("{word}s")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_allowed_by_the_number_of_letters() {
        let allowed = ["mug", "lamp", "kitchen", "keyboard", "ab1234567", "брюки"].map(typos_allowed);
        assert_eq!(allowed, [0, 1, 1, 2, 0, 1]);
    }

    #[test]
    fn nouns_have_another_number() {
        for (word, form) in [
            ("mug", "mugs"),
            ("mugs", "mug"),
            ("berry", "berries"),
            ("berries", "berry"),
            ("boxes", "box"),
            ("box", "boxes"),
            ("toy", "toys"),
            ("horses", "horse"),
        ] {
            assert!(english_forms(word).contains(&form.to_owned()), "{word}");
        }
        assert_eq!(english_forms("tv"), [""; 0]);
        assert_eq!(english_forms("café"), [""; 0]);
        assert_eq!(english_forms("glass"), ["glasses"]);
    }
}
