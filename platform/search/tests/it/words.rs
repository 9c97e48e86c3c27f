use shoal_search::{Document, Query, Sort};

use crate::shelf::{Shelf, keys, thing};

#[tokio::test]
async fn a_typo_is_forgiven_by_the_length_of_the_word() {
    let shelf = Shelf::titled(&["mug", "lamp", "headphones"]).await;
    for (text, found) in [
        ("lmp", vec![]),
        ("lamo", vec!["lamp"]),
        ("lampp", vec!["lamp"]),
        ("amp", vec![]),
        ("muf", vec![]),
        ("hedphones", vec!["headphones"]),
        ("hedfones", vec![]),
        ("headphomez", vec!["headphones"]),
        ("lqmo", vec![]),
    ] {
        assert_eq!(shelf.find(text).await, found, "{text}");
    }
}

#[tokio::test]
async fn swapped_neighbours_are_one_typo() {
    let shelf = Shelf::titled(&["lamp", "keyboard"]).await;
    assert_eq!(shelf.find("lapm").await, ["lamp"]);
    assert_eq!(shelf.find("kyebaord").await, ["keyboard"]);
}

#[tokio::test]
async fn the_last_word_may_be_unfinished() {
    let shelf = Shelf::titled(&["wireless headphones", "wired keyboard"]).await;
    assert_eq!(shelf.find("wireless hea").await, ["wireless headphones"]);
    assert_eq!(shelf.find("w").await.len(), 2);
    assert_eq!(shelf.find("wireless haedph").await, ["wireless headphones"], "unfinished and misspelt");
    assert!(shelf.search(Query::new("wire headphones")).await.relaxed, "only the last word is");
}

#[tokio::test]
async fn exact_comes_before_unfinished_before_misspelt() {
    let shelf = Shelf::titled(&["chait", "chairman", "chair"]).await;
    assert_eq!(shelf.find("chair").await, ["chair", "chairman", "chait"]);
}

#[tokio::test]
async fn the_title_counts_more_than_the_description() {
    let shelf = Shelf::with([
        Document::new("told", 1).text("title", "table").text("description", "goes with a chair"),
        Document::new("named", 1).text("title", "chair").text("description", "goes with a table"),
        Document::new("misspelt", 1).text("title", "chaor"),
    ])
    .await;
    assert_eq!(shelf.find("chair").await, ["named", "told", "misspelt"], "a typo never beats the word");
}

#[tokio::test]
async fn short_titles_and_words_in_a_row_come_first() {
    let shelf =
        Shelf::titled(&["lamp for the desk", "desk lamp", "desk lamp with a cable and two bulbs"]).await;
    assert_eq!(
        shelf.find("desk lamp").await,
        ["desk lamp", "desk lamp with a cable and two bulbs", "lamp for the desk"]
    );
}

#[tokio::test]
async fn accents_and_case_make_no_difference() {
    let shelf = Shelf::titled(&["Crème brûlée", "Straßenmöbel"]).await;
    for text in ["creme brulee", "CRÈME BRÛLÉE", "cre\u{300}me"] {
        assert_eq!(shelf.find(text).await, ["Crème brûlée"], "{text}");
    }
    assert_eq!(shelf.find("strassenmobel").await, ["Straßenmöbel"]);
}

#[tokio::test]
async fn codes_are_found_whole_and_in_parts() {
    let shelf = Shelf::titled(&["Screw AB-1234", "Screw AB-1235", "women's iPhone15 case"]).await;
    for text in ["AB-1234", "ab1234", "1234", "ab 1234", "AB/1234"] {
        assert_eq!(shelf.find(text).await, ["Screw AB-1234"], "{text}: digits are never guessed");
    }
    assert_eq!(shelf.find("ab-12").await.len(), 2);
    for text in ["womens case", "iphone 15", "iphone15", "women's"] {
        assert_eq!(shelf.find(text).await, ["women's iPhone15 case"], "{text}");
    }
}

#[tokio::test]
async fn singular_and_plural_find_each_other() {
    let shelf = Shelf::titled(&["berry bowl", "two boxes inside"]).await;
    assert_eq!(shelf.find("berries bowls").await, ["berry bowl"]);
    assert_eq!(shelf.find("box inside").await, ["two boxes inside"]);
}

#[tokio::test]
async fn scripts_without_spaces_are_searched_by_character() {
    let shelf = Shelf::titled(&["東京タワー", "京都"]).await;
    assert_eq!(shelf.find("東京").await, ["東京タワー"]);
}

#[tokio::test]
async fn all_words_must_match_or_the_answer_says_that_fewer_do() {
    let shelf = Shelf::titled(&["red wool scarf", "red silk scarf", "blue cup"]).await;
    let all = shelf.search(Query::new("red scarf wool")).await;
    assert_eq!((keys(&all), all.relaxed), (vec!["red wool scarf".to_owned()], false));
    let some = shelf.search(Query::new("red velvet scarf")).await;
    assert_eq!((some.total, some.relaxed), (2, true));
    let none = shelf.search(Query::new("velvet")).await;
    assert_eq!((none.total, none.relaxed), (0, false));
}

#[tokio::test]
async fn no_text_finds_everything_and_punctuation_nothing() {
    let shelf = Shelf::titled(&["a", "b"]).await;
    assert_eq!(shelf.find("  ").await, ["a", "b"]);
    assert_eq!(shelf.find("?! *:*").await, [""; 0]);
}

#[tokio::test]
async fn long_queries_are_cut() {
    let shelf = Shelf::titled(&["one two three four five six seven eight nine ten"]).await;
    let words = "one two three four five six seven eight nine ten eleven twelve";
    assert_eq!(shelf.search(Query::new(words)).await.total, 1, "the eleventh word does not count");
    let long = format!("one {}", "x".repeat(100_000));
    assert!(shelf.search(Query::new(long)).await.relaxed);
}

#[tokio::test]
async fn hits_sort_by_number_or_text_with_the_missing_last() {
    let shelf = Shelf::with([
        thing("c").number("price", 300).sort_key("name", "Émile"),
        thing("a").number("price", 100).sort_key("name", "zoe"),
        thing("none"),
        thing("b").number("price", -200).sort_key("name", "Dora"),
    ])
    .await;
    let by = async |sort| keys(&shelf.search(Query::new("").sort(sort)).await).join(" ");
    assert_eq!(by(Sort::Ascending("price")).await, "b a c none");
    assert_eq!(by(Sort::Descending("price")).await, "c a b none");
    assert_eq!(by(Sort::Ascending("name")).await, "b c a none");
    assert_eq!(by(Sort::Descending("name")).await, "a c b none");
    assert_eq!(by(Sort::Ascending("no such field")).await, "a b c none", "by relevance, then key");
}

#[tokio::test]
async fn pages_follow_each_other() {
    let titles: Vec<String> = (0..30).map(|n| format!("cup {n:02}")).collect();
    let shelf = Shelf::titled(&titles.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut found = Vec::new();
    for offset in (0..30).step_by(7) {
        let hits = shelf.search(Query::new("cup").offset(offset).limit(7)).await;
        assert_eq!(hits.total, 30);
        found.extend(keys(&hits));
    }
    assert_eq!(found, titles);
    let counted = shelf.search(Query::new("cup").limit(0)).await;
    assert_eq!((counted.total, counted.hits.len()), (30, 0));
}

#[tokio::test]
async fn matches_are_marked_in_escaped_text() {
    let shelf = Shelf::with([thing("<script>alert('x')</script> & Mugs").text(
        "description",
        &format!("{} a mug & more {}", "Lorem ipsum dolor. ".repeat(20), "sit amet ".repeat(60)),
    )])
    .await;
    let hits = shelf.search(Query::new("mug script").highlight()).await;
    let highlights = &hits.hits[0].highlights;
    assert_eq!(
        highlights[0],
        (
            "title",
            "&lt;<mark>script</mark>&gt;alert(&#39;x&#39;)&lt;/<mark>script</mark>&gt; &amp; <mark>Mugs</mark>"
                .to_owned()
        )
    );
    let (field, html) = &highlights[1];
    assert_eq!(*field, "description");
    assert!(html.starts_with('…') && html.ends_with('…') && html.len() < 300, "{html}");
    assert!(html.contains(" a <mark>mug</mark> &amp; more "), "{html}");
}

#[tokio::test]
async fn what_was_misspelt_is_marked_as_it_is_written() {
    let shelf = Shelf::titled(&["Café-Tasse AB-1234"]).await;
    let hits = shelf.search(Query::new("ab1234 tase").highlight()).await;
    assert_eq!(hits.hits[0].highlights[0].1, "Café-<mark>Tasse</mark> <mark>AB-1234</mark>");
}
