//! What a node may ask for, by the roles in its certificate.

use shoal_types::{Caller, Env, Fault, Id, Role};

use crate::cluster::{Node, call, client, identity};
use crate::log;

fn customer() -> Caller {
    Caller::User { id: Id::from_digest([1; 16]), role: Role::Customer }
}

#[tokio::test]
async fn a_stolen_gateway_certificate_cannot_call_what_a_gateway_never_calls() {
    log::listen();
    let (node, bundle) = Node::alone().await;
    let env = Env::system();
    let client_as = |roles: &[&str]| client(&identity(&bundle, roles, &env), node.address, &env);
    let (gateway, checkout) = (client_as(&["gateway"]), client_as(&["checkout"]));
    assert_eq!(call(&gateway, customer(), "say", "a").await, Ok("a".into()));
    for _ in 0..5 {
        assert_eq!(call(&gateway, customer(), "pay", "a").await, Err(Fault::Forbidden {}));
    }
    assert_eq!(call(&checkout, customer(), "pay", "a").await, Ok("a".into()));
    let heard = log::heard();
    assert_eq!(heard.matches("a node asked for what its roles may not").count(), 1, "{heard}");
    for none in [client_as(&[]), client_as(&["users", "pay"])] {
        assert_eq!(call(&none, customer(), "say", "a").await, Err(Fault::Forbidden {}));
    }
    let both = client_as(&["gateway", "checkout"]);
    assert_eq!(call(&both, customer(), "pay", "a").await, Ok("a".into()));
}

#[tokio::test]
async fn a_gateway_does_not_speak_for_the_system() {
    let (node, bundle) = Node::alone().await;
    let env = Env::system();
    let client_as = |roles: &[&str]| client(&identity(&bundle, roles, &env), node.address, &env);
    let (gateway, checkout) = (client_as(&["gateway"]), client_as(&["checkout"]));
    assert_eq!(call(&gateway, Caller::System, "say", "a").await, Err(Fault::Forbidden {}));
    assert_eq!(call(&gateway, Caller::Anonymous, "say", "a").await, Ok("a".into()));
    assert_eq!(call(&checkout, Caller::System, "say", "a").await, Ok("a".into()));
}

#[tokio::test]
async fn a_method_of_another_version_is_not_begun() {
    let (node, bundle) = Node::alone().await;
    let env = Env::system();
    let gateway = client(&identity(&bundle, &["gateway"], &env), node.address, &env);
    let unknown = call(&gateway, customer(), "sing", "a").await.expect_err("unknown");
    assert_eq!(unknown, Fault::invalid("method", "unknown_method", "echo has no sing"));
}
