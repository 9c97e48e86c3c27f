use serde_json::{Map, Value};

use crate::client::Client;

/// A route of the API's own description.
#[derive(Debug, Clone)]
pub struct Route {
    /// How it is asked.
    pub method: http::Method,
    /// Its path, with names such as `{order}` in it.
    pub path: String,
    /// Whether it takes a JSON body.
    pub takes_json: bool,
    /// Whether it may answer that nothing has changed.
    pub may_be_unchanged: bool,
}

impl Route {
    /// Every route of the description that `client` is shown. Who loops over them cannot forget a new one.
    pub async fn all(client: &Client) -> Vec<Self> {
        let description = client.get("/openapi.json").await.expect(200).json();
        let paths = description["paths"].as_object().expect("a description has paths");
        let routes: Vec<_> =
            paths.iter().flat_map(|(path, operations)| routes_of(path, operations)).collect();
        assert!(routes.len() > 50, "the description has lost its routes");
        routes
    }

    /// Whether it changes something.
    pub fn changes(&self) -> bool {
        self.method != http::Method::GET
    }
}

fn routes_of(path: &str, operations: &Value) -> Vec<Route> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let operations = operations.as_object().into_iter().flat_map(Map::iter);
    operations
        .filter(|(name, _)| METHODS.contains(&name.as_str()))
        .map(|(name, operation)| Route {
            method: name.to_uppercase().parse().expect("a method"),
            path: path.to_owned(),
            takes_json: operation.pointer("/requestBody/content/application~1json").is_some()
                && operation.pointer("/requestBody/content/application~1json/schema/type")
                    != Some(&"string".into()),
            may_be_unchanged: operation.pointer("/responses/304").is_some(),
        })
        .collect()
}
