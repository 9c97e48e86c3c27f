use serde_json::json;
use shoal_contract::nodes::{Ask, Cluster, Node, NodeState, Vitals};
use shoal_types::{Fault, NodeId, Role};

use crate::shop::{Api, Shop, env};

const ID: &str = "018f3c3a-7d52-7cc0-8b1a-2f3c4d5e6f70";

fn cluster() -> Cluster {
    let id: NodeId = ID.parse().expect("an id");
    let node = |name: &str, vitals| Node {
        id,
        name: name.into(),
        version: "0.1.0".into(),
        roles: vec!["gateway".into(), "users".into()],
        address: "10.77.0.1:7171".parse().expect("an address"),
        state: NodeState::Ready,
        started_at: env().now(),
        vitals,
    };
    let vitals = Vitals { in_flight: 3, ..Vitals::default() };
    Cluster { name: "reef".into(), seen_by: id, nodes: vec![node("one", Some(vitals)), node("two", None)] }
}

fn api() -> Api {
    let shop = Shop::new().on("nodes", "cluster", |cx, _: Ask| {
        cx.caller.require(Role::Staff)?;
        Ok::<_, Fault>(cluster())
    });
    shop.open()
}

#[tokio::test]
async fn staff_see_the_nodes_and_what_each_says_of_itself() {
    let seen = api().get_as("bob", "/v1/cluster").await.json();
    assert_eq!((&seen["name"], &seen["seen_by"]), (&json!("reef"), &json!(ID)));
    assert_eq!(
        seen["nodes"][1],
        json!({"id": ID, "name": "two", "version": "0.1.0",
            "roles": ["gateway", "users"], "address": "10.77.0.1:7171", "state": "ready",
            "started_at": "2026-05-03T10:12:00.000000Z"}),
        "a node that did not answer is there without vitals"
    );
    assert_eq!(seen["nodes"][0]["vitals"]["in_flight"], 3);
}

#[tokio::test]
async fn nobody_else_sees_them() {
    let api = api();
    assert_eq!(api.get("/v1/cluster").await.says(), "401 unauthenticated");
    assert_eq!(api.get_as("ada", "/v1/cluster").await.says(), "403 forbidden");
}
