use shoal_search::{Change, Document, Hits, Index, Place, Query, Schema};

/// The fields of the tests.
pub(crate) fn schema() -> Schema {
    Schema::builder()
        .text("title", 4.0)
        .text("description", 1.0)
        .keyword("brand")
        .path("category")
        .attributes("attributes")
        .number("price")
        .flag("in_stock")
        .sort_key("name")
        .english()
        .build()
}

/// An index in memory with some things in it.
pub(crate) struct Shelf {
    pub(crate) index: Index,
}

impl Shelf {
    pub(crate) async fn with(documents: impl IntoIterator<Item = Document>) -> Self {
        let index = Index::open(Place::Memory, schema()).await.expect("opens");
        put(&index, documents).await;
        Self { index }
    }

    /// Documents with these titles; their keys are the titles.
    pub(crate) async fn titled(titles: &[&str]) -> Self {
        Self::with(titles.iter().map(|title| thing(title))).await
    }

    pub(crate) async fn search(&self, query: Query) -> Hits {
        self.index.search(query).await.expect("a query never fails")
    }

    /// The keys found for the text, the best first.
    pub(crate) async fn find(&self, text: &str) -> Vec<String> {
        keys(&self.search(Query::new(text)).await)
    }
}

/// A document with this title as its key.
pub(crate) fn thing(title: &str) -> Document {
    Document::new(title, 1).text("title", title)
}

/// Puts the documents and waits until they can be found.
pub(crate) async fn put(index: &Index, documents: impl IntoIterator<Item = Document>) {
    index.apply(documents.into_iter().map(Change::Put).collect(), None).await.expect("accepted");
    index.flush().await.expect("written");
}

pub(crate) fn keys(hits: &Hits) -> Vec<String> {
    hits.hits.iter().map(|hit| hit.key.clone()).collect()
}
