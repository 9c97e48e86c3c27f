//! The cluster's secret.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use shoal_net::identity::{Bundle, Identity, IdentityError, Rotation};
use shoal_types::{Env, Fact, NodeId};

use crate::cluster::{bundle, identity};

fn text(bundle: &Bundle) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle.toml");
    bundle.save(&path).expect("written");
    fs::read_to_string(path).expect("readable")
}

fn load(text: &str) -> Result<Bundle, IdentityError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle.toml");
    fs::write(&path, text).expect("written");
    Bundle::load(&path, &Env::system())
}

#[test]
fn a_bundle_is_read_as_it_was_written_at_every_step_of_its_rotation() {
    let env = Env::system();
    let mut bundle = bundle(&env);
    for _ in 0..4 {
        let loaded = load(&text(&bundle)).expect("a good bundle");
        assert_eq!(text(&loaded), text(&bundle));
        assert_eq!(loaded.gossip_keys(), bundle.gossip_keys());
        assert!(Identity::mint(&loaded, NodeId::new(&env), &["users"], &env).is_ok());
        bundle = bundle.rotated_ca(&env).rotated_gossip_key(&env);
    }
}

#[test]
fn only_its_owner_reads_a_bundle_and_nothing_else_is_left_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bundle.toml");
    let (first, second) = (bundle(&Env::system()), bundle(&Env::system()));
    first.save_new(&path).expect("written");
    let shown = path.display().to_string();
    assert_eq!(second.save_new(&path), Err(IdentityError::Exists { path: shown }));
    assert_eq!(Bundle::load(&path, &Env::system()).expect("the first").cluster(), first.cluster());
    second.save(&path).expect("replaced");
    assert_eq!(Bundle::load(&path, &Env::system()).expect("the second").cluster(), second.cluster());
    assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 1);
    let nowhere = folder.path().join("no/such/bundle.toml");
    assert_eq!(Bundle::load(&nowhere, &Env::system()).expect_err("missing").code(), "bundle_missing");
    assert_eq!(first.save(&nowhere).expect_err("no folder").code(), "bundle_unwritable");
}

#[test]
fn a_bundle_shows_no_secret() {
    let bundle = bundle(&Env::system());
    let (shown, identity) = (format!("{bundle:?}"), identity(&bundle, &["users"], &Env::system()));
    assert!(shown.contains("pond") && !shown.contains(&hex::encode(bundle.gossip_keys()[0])), "{shown}");
    assert!(!shown.contains("PRIVATE") && !format!("{identity:?}").contains("PRIVATE"));
}

#[test]
fn a_bundle_that_was_tampered_with_is_refused_without_quoting_it() {
    let whole = text(&bundle(&Env::system()));
    let other = text(&bundle(&Env::system()));
    let key_of = |text: &str| {
        let start = text.find("-----BEGIN PRIVATE").expect("a key");
        text[start..start + 100].to_owned()
    };
    let mixed = whole.replace(&key_of(&whole), &key_of(&other));
    assert_ne!(mixed, whole);
    let short_key = whole.replace("[gossip]", "[x]");
    let number = whole.replace("[gossip]\nin_force = ", "[gossip]\nin_force = [").replace("\n[", "]\n[");
    for (text, code) in [
        (mixed, "bundle_inconsistent"),
        (whole.replace("BEGIN CERT", "BEGIN CART"), "bundle_inconsistent"),
        (whole.replace("name = \"pond\"", "name = \"a pond\""), "cluster_name_invalid"),
        (whole[..whole.len() - 20].to_owned() + "\"\n", "bundle_inconsistent"),
        (whole[..whole.len() - 20].to_owned(), "bundle_malformed"),
        (whole.clone() + "\nextra = 1\n", "bundle_malformed"),
        (short_key, "bundle_malformed"),
        (number, "bundle_malformed"),
        (String::new(), "bundle_malformed"),
    ] {
        let error = load(&text).expect_err("refused");
        assert_eq!(error.code(), code, "{error} in {text}");
        assert!(error.to_string().len() < 100, "{error}");
    }
}

#[test]
fn each_step_of_a_rotation_follows_from_the_bundle_alone() {
    let env = Env::system();
    let first = bundle(&env);
    let key = |bundle: &Bundle| bundle.gossip_keys()[0];
    let announced = first.rotated_gossip_key(&env);
    let switched = load(&text(&announced)).expect("good").rotated_gossip_key(&env);
    let settled = load(&text(&switched)).expect("good").rotated_gossip_key(&env);
    assert_eq!(announced.gossip_keys(), [key(&first), key(&switched)]);
    assert_eq!(switched.gossip_keys(), [key(&switched), key(&first)]);
    assert_eq!(settled.gossip_keys(), [key(&switched)]);
    let steps = [&first, &announced, &switched, &settled].map(Bundle::gossip_rotation);
    assert_eq!(steps, [Rotation::Settled, Rotation::Announced, Rotation::Switched, Rotation::Settled]);
    assert!([&announced, &switched, &settled].iter().all(|bundle| bundle.ca_rotation() == Rotation::Settled));
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let env = Env::system();
    for name in ["", "a pond", "p/ond", "x".repeat(65).as_str()] {
        assert_eq!(Bundle::create(name, &env).expect_err("refused").code(), "cluster_name_invalid");
    }
    let minted = Identity::mint(&bundle(&env), NodeId::new(&env), &["Users"], &env);
    assert_eq!(minted.expect_err("refused").code(), "role_invalid");
}
