//! Real product names and real queries, from sets that are not part of this project: without them these tests pass
//! and say so. `SHOAL_TEST_DATA` names their directory; otherwise it is looked for beside the workspace.

use std::path::PathBuf;

use shoal_search::{Document, Query};
use shoal_types::{Rng, SeededRng};

use crate::shelf::Shelf;

fn data(file: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data"));
    let path = std::env::var_os("SHOAL_TEST_DATA").map_or_else(beside, PathBuf::from).join(file);
    if !path.is_file() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}

/// The reference shop's products; their keys are their names.
async fn shop() -> Option<(Shelf, Vec<String>)> {
    let mut rows = csv::Reader::from_path(data("eshop/products.csv")?).expect("readable");
    let mut names = Vec::new();
    let mut documents = Vec::new();
    for row in rows.records() {
        let row = row.expect("a row");
        names.push(row[3].to_owned());
        documents.push(
            Document::new(&row[3], 1)
                .text("title", &row[3])
                .text("description", &row[4])
                .keyword("brand", &row[2])
                .path("category", &row[1]),
        );
    }
    Some((Shelf::with(documents).await, names))
}

/// Gives each word of at least four letters one typo, anywhere in it.
fn misspelt(name: &str, rng: &dyn Rng) -> String {
    let words = name.split(' ').map(|word| {
        let mut letters: Vec<char> = word.chars().collect();
        if letters.len() < 4 || !letters.iter().all(|c| c.is_alphabetic()) {
            return word.to_owned();
        }
        let at = rng.below(u32::try_from(letters.len()).expect("short") - 1) as usize;
        match rng.below(4) {
            0 => drop(letters.remove(at)),
            1 => letters.insert(at, 'e'),
            2 => letters[at] = 'x',
            _ => letters.swap(at, at + 1),
        }
        letters.into_iter().collect()
    });
    words.collect::<Vec<String>>().join(" ")
}

#[tokio::test]
async fn a_misspelt_product_name_finds_the_product() {
    let Some((shelf, names)) = shop().await else { return };
    let rng = SeededRng::new(7);
    let (mut tried, mut found) = (0, 0);
    for name in names.iter().flat_map(|name| [name; 5]) {
        let text = misspelt(name, &rng);
        tried += 1;
        if shelf.find(&text).await.iter().take(3).any(|key| key == name) {
            found += 1;
        } else {
            println!("{name:?} not among the first three for {text:?}");
        }
    }
    assert!(found * 10 >= tried * 9, "{found} of {tried}");
}

#[tokio::test]
async fn real_queries_are_answered() {
    let (Some((shelf, _)), Some(path)) = (shop().await, data("wands_queries/query.tsv")) else { return };
    let text = std::fs::read_to_string(path).expect("readable");
    for line in text.lines().skip(1) {
        let query = line.split('\t').nth(1).expect("a query");
        let hits = shelf.search(Query::new(query).highlight()).await;
        assert!(hits.hits.iter().all(|hit| !hit.highlights.is_empty()), "{query}");
    }
}
