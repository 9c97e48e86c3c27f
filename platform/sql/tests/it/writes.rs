use shoal_sql::{Error, params};

use crate::pond::{context, pond, sql};

#[tokio::test]
async fn what_was_answered_can_be_read() {
    let (db, cx) = (pond().await, context());
    db.write(&cx, async |tx| tx.execute(sql::ADD, params![1, "carp", 900]).await).await.expect("written");
    let fish = db.read(&cx, async |tx| tx.find::<(String, i64)>(sql::FIND, params![1]).await).await;
    assert_eq!(fish, Ok(Some(("carp".to_owned(), 900))));
    assert_eq!(db.check(sql::ALL).await, Ok::<(), Error>(()));
}
