use shoal_checkout::{MIGRATIONS, STATEMENTS, TEST_PROVIDER_MIGRATIONS, TEST_PROVIDER_STATEMENTS};
use shoal_sql::Database;
use shoal_types::Env;

#[tokio::test]
async fn every_statement_is_valid_on_the_schema() {
    let env = Env::system();
    let house = Database::temporary("checkout", MIGRATIONS, &env).await.expect("it opens");
    house.check(STATEMENTS).await.expect("the house's statements");
    let book = Database::temporary("test-provider", TEST_PROVIDER_MIGRATIONS, &env).await.expect("it opens");
    book.check(TEST_PROVIDER_STATEMENTS).await.expect("the book's statements");
}
