//! Ids that are none, that are of something else, or of nothing.

use shoal_testkit::{Market, Route};

use super::everything;

/// The nouns of path parameters, each with a wrong noun's id.
const NOUNS: [(&str, &str); 8] = [
    ("user", "order"),
    ("address", "user"),
    ("session", "user"),
    ("product", "cart"),
    ("category", "product"),
    ("cart", "order"),
    ("checkout", "order"),
    ("order", "checkout"),
];
/// The suffix of an id that nothing has.
const NOTHING: &str = "01h455vb4pex5vsknk084sn02q";

#[tokio::test]
async fn an_id_of_nothing_or_of_something_else_is_not_found_anywhere() {
    let shop = Market::start().await;
    shop.quiet().await;
    let before = everything(&shop);
    let mut tried = 0;
    for route in Route::all(&shop).await {
        if !NOUNS.iter().any(|(noun, _)| route.path.contains(&format!("{{{noun}}}"))) {
            continue;
        }
        for wrong in ["nonsense", "", "%00", "%ff", "..", "other", NOTHING] {
            let mut path = route.path.replace("{sku}", "MUG");
            for (noun, other) in NOUNS {
                let id = match wrong {
                    "other" => format!("{other}_{NOTHING}"),
                    NOTHING => format!("{noun}_{NOTHING}"),
                    wrong => wrong.to_owned(),
                };
                path = path.replace(&format!("{{{noun}}}"), &id);
            }
            let mut request = shop.staff().request(route.method.clone(), path.clone());
            if route.takes_json {
                request = request.body("{}");
            }
            let answer = request.await;
            // What is removed is gone, whether it was ever there or not. An empty part makes another path.
            let gone = route.method == http::Method::DELETE && answer.status == 204;
            let refused = [400, 404, 405, 422].contains(&answer.status) && !answer.code().is_empty();
            let another = ["", ".."].contains(&wrong) && answer.status < 500;
            assert!(gone || refused || another, "{} {path}: {answer}", route.method);
            tried += 1;
        }
    }
    assert!(tried > 200, "only {tried} tries");
    assert_eq!(everything(&shop), before);
}
