use proptest::prelude::*;
use proptest::strategy::ValueTree;
use shoal_search::{FacetRequest, Query, Sort};
use tokio::runtime::Runtime;

use crate::shelf::{Shelf, thing};

/// Any text, and text made of what shelves hold.
fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "mug", "lamp", "AB-1234", "é", "<b>", "*", "\"", "AND", "東京", "-", "title:", "\u{0}", "\u{301}",
        "🎉", "İ",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(words, 0..15).prop_map(|words| words.join(" ")),
        "\\PC{0,300}"
    ]
}

#[test]
fn any_text_can_be_indexed_and_searched() {
    let runtime = Runtime::new().expect("a runtime");
    let shelf = runtime.block_on(Shelf::titled(&["mug", "red lamp", "AB-1234", "東京タワー", "İzmir <b>"]));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let run = runner.run(&(text(), 0..2000_usize, 0..200_usize), |(text, offset, limit)| {
        let query = Query::new(text.clone()).offset(offset).limit(limit).highlight();
        let query = query.facet(FacetRequest::new("brand")).sort(Sort::Relevance);
        let hits = runtime.block_on(shelf.search(query));
        prop_assert!(hits.hits.len() <= hits.total && hits.hits.len() <= 100);
        prop_assert!(hits.hits.iter().all(|hit| hit.score.is_finite()));
        Ok(())
    });
    run.expect("holds");
}

#[test]
fn a_document_is_found_by_its_own_text_and_marked_safely() {
    let runtime = Runtime::new().expect("a runtime");
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let texts: Vec<String> =
        (0..200).map(|_| text().new_tree(&mut runner).expect("a text").current()).collect();
    let documents = texts.iter().enumerate().map(|(at, text)| {
        shoal_search::Document::new(at.to_string(), 1).text("title", text).text("description", text)
    });
    let shelf = runtime.block_on(Shelf::with(documents.collect::<Vec<_>>()));
    for (at, text) in texts.iter().enumerate() {
        let hits = runtime.block_on(shelf.search(Query::new(text.clone()).limit(100).highlight()));
        let nothing_to_find = hits.total == 0 && !text.chars().any(char::is_alphanumeric);
        let found = hits.hits.iter().any(|hit| hit.key == at.to_string());
        assert!(found || nothing_to_find || hits.total > 100 || text.trim().is_empty(), "{text:?}");
        for (_, html) in hits.hits.iter().flat_map(|hit| &hit.highlights) {
            let rest = html.replace("<mark>", "").replace("</mark>", "");
            assert!(!rest.contains(['<', '>', '"']), "{html}");
        }
    }
}

#[test]
fn one_wrong_letter_still_finds_the_word() {
    let runtime = Runtime::new().expect("a runtime");
    let shelf = runtime.block_on(Shelf::with([thing("photograph"), thing("table")]));
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let run = runner.run(&(0..10_usize, "[a-z]", 0..4_u8), |(at, letter, kind)| {
        let mut word = "photograph".to_owned();
        match kind {
            0 => word.insert_str(at, &letter),
            1 => drop(word.remove(at)),
            2 => word.replace_range(at..=at, &letter),
            _ => {
                let (at, first) = (at.min(8), word.remove(at.min(8)));
                word.insert(at + 1, first);
            }
        }
        let found = runtime.block_on(shelf.find(&word));
        prop_assert_eq!(found, ["photograph"]);
        Ok(())
    });
    run.expect("holds");
}
