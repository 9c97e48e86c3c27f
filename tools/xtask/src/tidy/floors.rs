//! Five floors, arrows only downwards.

use toml::{Table, Value};

use super::Finding;
use crate::tree::{File, Tree, under};

/// Which members each member may depend on, by folder. The first row whose folder holds the member counts.
///
/// Source: docs/adr/0001-workspace-floors.md
const ARROWS: &[(&str, &[&str])] = &[
    ("platform/types", &[]),
    ("platform/sql", &["platform/types"]),
    ("platform/net", &["platform/types"]),
    ("platform/search", &["platform/types"]),
    ("platform/queue", &["platform/types", "platform/sql"]),
    ("platform/cluster", &["platform/types"]),
    ("contract", &["platform/types", "platform/net"]),
    ("services", &["platform", "contract"]),
    ("edge", &["platform", "contract"]),
    ("node", &["platform", "contract", "services", "edge", "tools/bench"]),
    ("tools", &["platform", "contract", "services", "edge", "node", "tools"]),
];
/// Crates that speak HTTP, and the floors that may.
const HTTP_CRATES: &[&str] =
    &["axum", "http", "http-body-util", "hyper", "hyper-util", "tower-http", "reqwest"];
const HTTP_FLOORS: &[&str] = &["platform/net", "edge", "tools"];
/// More crates than this cost more to build than they save.
const MEMBERS_MAX: usize = 20;

/// A workspace member's manifest.
struct Member<'a> {
    folder: &'a str,
    file: &'a File,
    table: Table,
}

impl Member<'_> {
    fn name(&self) -> Option<&str> {
        self.table.get("package")?.get("name")?.as_str()
    }

    /// The dependency tables: whether they are for tests only, and what is in them.
    fn dependencies(&self) -> Vec<(bool, &Table)> {
        let mut found = Vec::new();
        let targets = self.table.get("target").and_then(Value::as_table);
        let tables =
            targets.into_iter().flat_map(Table::values).filter_map(Value::as_table).chain([&self.table]);
        for table in tables {
            for key in ["dependencies", "build-dependencies", "dev-dependencies"] {
                if let Some(dependencies) = table.get(key).and_then(Value::as_table) {
                    found.push((key == "dev-dependencies", dependencies));
                }
            }
        }
        found
    }
}

fn members(tree: &Tree) -> Vec<Member<'_>> {
    let manifests = tree.ending("/Cargo.toml");
    manifests
        .filter_map(|file| {
            let folder = file.path.strip_suffix("/Cargo.toml")?;
            Some(Member { folder, file, table: file.text.parse().ok()? })
        })
        .collect()
}

fn allowed(folder: &str, test: bool, needed: &str) -> bool {
    let row = ARROWS.iter().find(|(from, _)| under(folder, from));
    let downwards = row.is_some_and(|(_, to)| to.iter().any(|to| under(needed, to)));
    downwards || (test && under(needed, "tools"))
}

/// Dependencies between members go only where [`ARROWS`] points; HTTP crates stay on their floors.
pub(super) fn arrows(tree: &Tree) -> Vec<Finding> {
    let members = members(tree);
    let mut findings = Vec::new();
    for member in &members {
        for (test, dependencies) in member.dependencies() {
            for name in dependencies.keys() {
                let line =
                    member.file.line_of(&format!("{name}.")).max(member.file.line_of(&format!("{name} ")));
                if HTTP_CRATES.contains(&name.as_str()) && !test && !member.file.within(HTTP_FLOORS) {
                    let message =
                        format!("`{name}` speaks HTTP: only {} may need it", HTTP_FLOORS.join(", "));
                    findings.push(Finding::new(&member.file.path, line, "floors", message));
                }
                let Some(needed) = members.iter().find(|other| other.name() == Some(name)) else { continue };
                if !allowed(member.folder, test, needed.folder) {
                    let message = format!(
                        "{} may not depend on {}: arrows go only downwards, see docs/adr/0001-workspace-floors.md",
                        member.folder, needed.folder
                    );
                    findings.push(Finding::new(&member.file.path, line, "floors", message));
                }
            }
        }
    }
    findings
}

/// Every member is listed, inherits the workspace's lints and takes each version from the workspace.
pub(super) fn manifests(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listed = listed(tree);
    if listed.len() > MEMBERS_MAX {
        let message = format!("{} members: more than {MEMBERS_MAX} triple the build, join two", listed.len());
        findings.push(Finding::new("Cargo.toml", 1, "members", message));
    }
    for member in members(tree) {
        let mut find = |line, message: String| {
            findings.push(Finding::new(&member.file.path, line, "manifest", message));
        };
        if !listed.iter().any(|path| path == member.folder) {
            find(1, "not a member: add it to `members` in Cargo.toml".into());
        }
        let inherits = member.table.get("lints").and_then(|lints| lints.get("workspace"));
        if inherits != Some(&Value::Boolean(true)) {
            find(1, "add `[lints] workspace = true`".into());
        }
        for (_, dependencies) in member.dependencies() {
            for (name, value) in dependencies {
                if value.get("workspace") != Some(&Value::Boolean(true)) {
                    let line = member.file.line_of(name);
                    find(line, format!("write `{name}.workspace = true` and pin the version in Cargo.toml"));
                }
            }
        }
    }
    findings
}

fn listed(tree: &Tree) -> Vec<String> {
    let root: Option<Table> = tree.get("Cargo.toml").and_then(|file| file.text.parse().ok());
    let members = root.and_then(|table| table.get("workspace")?.get("members")?.as_array().cloned());
    members.unwrap_or_default().iter().filter_map(|member| member.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const ORDERS: (&str, &str) = ("services/orders/Cargo.toml", "[package]\nname = \"shoal-orders\"\n");
    const TESTKIT: (&str, &str) = ("tools/testkit/Cargo.toml", "[package]\nname = \"shoal-testkit\"\n");

    fn member(folder: &'static str, dependencies: &str) -> (String, String) {
        let text = format!("[package]\nname = \"it\"\n{dependencies}\n[lints]\nworkspace = true\n");
        (format!("{folder}/Cargo.toml"), text)
    }

    #[test]
    fn a_house_may_not_depend_on_a_house() {
        let (path, text) = member("services/users", "[dependencies]\nshoal-orders.workspace = true");
        let findings = found(arrows, &[(&path, &text), ORDERS]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0]
                .starts_with("services/users/Cargo.toml:4: services/users may not depend on services/")
        );
    }

    #[test]
    fn the_edge_may_not_depend_on_a_house_and_types_on_nothing() {
        for folder in ["edge/gateway", "platform/types", "platform/queue", "contract"] {
            let (path, text) = member(folder, "[dependencies]\nshoal-orders.workspace = true");
            assert_eq!(found(arrows, &[(&path, &text), ORDERS]).len(), 1, "{folder}");
        }
    }

    #[test]
    fn tests_may_use_tools_and_the_node_may_use_houses() {
        let (path, text) = member("services/users", "[dev-dependencies]\nshoal-testkit.workspace = true");
        assert_eq!(found(arrows, &[(&path, &text), TESTKIT]), [""; 0]);
        let (path, text) = member("services/users", "[dependencies]\nshoal-testkit.workspace = true");
        assert_eq!(found(arrows, &[(&path, &text), TESTKIT]).len(), 1);
        let (path, text) = member("node", "[dependencies]\nshoal-orders.workspace = true");
        assert_eq!(found(arrows, &[(&path, &text), ORDERS]), [""; 0]);
    }

    #[test]
    fn http_crates_stay_on_their_floors() {
        let (path, text) = member("services/users", "[dependencies]\naxum.workspace = true");
        assert_eq!(found(arrows, &[(&path, &text)]).len(), 1);
        let (path, text) = member("platform/net", "[dependencies]\naxum.workspace = true");
        assert_eq!(found(arrows, &[(&path, &text)]), [""; 0]);
    }

    #[test]
    fn a_manifest_inherits_lints_and_versions() {
        let root = ("Cargo.toml", "[workspace]\nmembers = [\"contract\"]\n");
        let good =
            "[package]\nname = \"c\"\n[dependencies]\nserde.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(found(manifests, &[root, ("contract/Cargo.toml", good)]), [""; 0]);
        let bad = "[package]\nname = \"c\"\n[dependencies]\nserde = \"1\"\n";
        let findings = found(manifests, &[root, ("node/Cargo.toml", bad)]);
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings[2].contains(":4: write `serde.workspace = true`"), "{findings:?}");
    }
}
