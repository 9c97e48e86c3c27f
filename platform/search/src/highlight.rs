use std::collections::{HashMap, HashSet};
use std::ops::Range;

use tantivy::TantivyDocument;
use tantivy::schema::{Field, Value};
use tantivy::tokenizer::{TextAnalyzer, TokenStream};

use crate::analysis;
use crate::expansion::Expansion;
use crate::schema::Schema;

/// Longest text shown whole, in bytes; of longer ones the part around the first match.
const SNIPPET_BYTES: usize = 240;
/// How much of a long text is shown before the first match, in bytes.
const LEAD_BYTES: usize = 60;

/// Marks the terms that a query stood for.
pub(crate) struct Highlighter {
    terms: HashMap<Field, HashSet<String>>,
    analyzer: TextAnalyzer,
}

impl Highlighter {
    pub(crate) fn new(expansions: &[Expansion]) -> Self {
        let mut terms: HashMap<Field, HashSet<String>> = HashMap::new();
        for found in expansions.iter().flat_map(|expansion| &expansion.fields) {
            terms.entry(found.field).or_default().extend(found.terms.iter().map(|(term, _)| term.clone()));
        }
        Self { terms, analyzer: analysis::analyzer() }
    }

    /// Field and HTML of each text of the document that has a matching word.
    pub(crate) fn mark(
        &mut self,
        schema: &Schema,
        document: &TantivyDocument,
    ) -> Vec<(&'static str, String)> {
        let mut marked = Vec::new();
        for entry in schema.texts() {
            let Some(terms) = self.terms.get(&entry.field) else { continue };
            for text in document.get_all(entry.field).filter_map(|value| value.as_str()) {
                let matches = matches(&mut self.analyzer, text, terms);
                if !matches.is_empty() {
                    marked.push((entry.name, html(text, &matches)));
                    break;
                }
            }
        }
        marked
    }
}

/// Where the text has one of the terms: ranges of bytes, in order and apart.
///
/// Of a chunk such as `AB-1234` the matching parts are marked, or all of it if all or only the whole of it matches.
fn matches(analyzer: &mut TextAnalyzer, text: &str, terms: &HashSet<String>) -> Vec<Range<usize>> {
    let mut tokens: Vec<(Range<usize>, usize, bool)> = Vec::new();
    analyzer.token_stream(text).process(&mut |token| {
        let range = token.offset_from..token.offset_to;
        tokens.push((range, token.position_length, terms.contains(&token.text)));
    });
    let mut matches: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while let Some((range, parts, matched)) = tokens.get(at) {
        at += 1;
        if *parts == 1 {
            matches.extend(matched.then(|| range.clone()));
            continue;
        }
        let found = tokens[at..].iter().take(*parts).filter(|(.., matched)| *matched).count();
        if *matched && (found == 0 || found == *parts) {
            matches.push(range.clone());
            at += parts;
        }
    }
    matches
}

fn html(text: &str, matches: &[Range<usize>]) -> String {
    let shown = snippet(text, matches.first().map_or(0, |first| first.start));
    let mut html = String::with_capacity(shown.len() + 64);
    if shown.start > 0 {
        html.push('…');
    }
    let mut at = shown.start;
    for found in matches.iter().filter(|found| found.start >= shown.start && found.end <= shown.end) {
        escape(&text[at..found.start], &mut html);
        html.push_str("<mark>");
        escape(&text[found.clone()], &mut html);
        html.push_str("</mark>");
        at = found.end;
    }
    escape(&text[at..shown.end], &mut html);
    if shown.end < text.len() {
        html.push('…');
    }
    html
}

/// The part of the text to show, cut at spaces where there are some.
fn snippet(text: &str, first: usize) -> Range<usize> {
    if text.len() <= SNIPPET_BYTES {
        return 0..text.len();
    }
    let mut start = text.floor_char_boundary(first.saturating_sub(LEAD_BYTES));
    if start > 0
        && let Some(space) = text[start..first].find(char::is_whitespace)
    {
        start += space;
        start += text[start..].len() - text[start..].trim_start().len();
    }
    let mut end = text.floor_char_boundary(start + SNIPPET_BYTES);
    if end < text.len()
        && let Some(space) = text[start..end].rfind(char::is_whitespace)
        && start + space > first + LEAD_BYTES
    {
        end = start + space;
    }
    start..end
}

fn escape(text: &str, html: &mut String) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
}
