//! What the papers name exists.

use super::Finding;
use crate::tree::{File, Tree};

/// Folders at the root by which a path is known as one of ours.
const TOP: &[&str] =
    &["platform", "contract", "services", "edge", "node", "tools", "docs", "config", ".ci", ".cargo"];
/// Folders of a crate, named in its README.
const OF_CRATE: &[&str] = &["src", "migrations", "tests"];
const MAP: &str = "ARCHITECTURE.md";
/// The map is read in one sitting.
const MAP_LINES_MAX: usize = 300;

/// The lines of a paper with their numbers, without fenced blocks.
fn prose(file: &File) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line));
        }
    }
    lines
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `relative` as seen from `folder`, with `..` resolved.
fn resolve(folder: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The path a piece of inline code names, from the root, if it looks like one of ours.
fn named_path(file: &File, code: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let path = code.split(':').next()?.trim_end_matches('/');
    if path.is_empty() || !path.chars().all(plain) || path.contains("...") {
        return None;
    }
    let (first, rest) = code.split_once('/').unwrap_or((path, ""));
    if TOP.contains(&first) && code.contains('/') {
        return Some(path.to_owned());
    }
    if OF_CRATE.contains(&first) && !rest.is_empty() && !folder(&file.path).is_empty() {
        return Some(resolve(folder(&file.path), path));
    }
    (path.ends_with(".md") && first == path).then(|| path.to_owned())
}

/// Paths named in papers, and papers named in comments, exist.
pub(super) fn paths(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(".md") {
        for (number, line) in prose(file) {
            for code in line.split('`').skip(1).step_by(2) {
                let Some(path) = named_path(file, code) else { continue };
                if !tree.exists(&path) && !tree.exists(&resolve(folder(&file.path), &path)) {
                    let message = format!("`{code}` does not exist: correct the path");
                    findings.push(Finding::new(&file.path, number, "paths", message));
                }
            }
        }
    }
    for (file, source) in tree.rust() {
        for ((number, code), text) in source.lines().zip(file.text.lines()) {
            let Some(at) = text.find("docs/") else { continue };
            let is_comment = !code.contains("docs/") && text.trim_start().starts_with("//");
            let path: String =
                text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || "._-/".contains(*c)).collect();
            let path = path.trim_end_matches(['.', '/']);
            if is_comment && path.ends_with(".md") && !tree.exists(path) {
                let message = format!("`{path}` does not exist: correct the path");
                findings.push(Finding::new(&file.path, number, "paths", message));
            }
        }
    }
    findings
}

/// Links between papers lead somewhere.
pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(".md") {
        for (number, line) in prose(file) {
            // Every second part of a line lies in inline code.
            let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
            for rest in text.split("](").skip(1) {
                let target = rest.split(')').next().unwrap_or("");
                let target = target.split('#').next().unwrap_or("");
                let outside = target.contains("://") || target.starts_with("mailto:");
                if !target.is_empty() && !outside && !tree.exists(&resolve(folder(&file.path), target)) {
                    let message = format!("the link to `{target}` leads nowhere: correct it");
                    findings.push(Finding::new(&file.path, number, "links", message));
                }
            }
        }
    }
    findings
}

/// The map is short and shows every crate.
pub(super) fn map(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.get(MAP) else {
        return vec![Finding::new(MAP, 1, "map", "write the map of the code")];
    };
    let mut findings = Vec::new();
    let lines = file.text.lines().count();
    if lines >= MAP_LINES_MAX {
        let message = format!("{lines} lines: a map stays under {MAP_LINES_MAX}");
        findings.push(Finding::new(MAP, lines, "map", message));
    }
    for manifest in tree.ending("/Cargo.toml") {
        let member = folder(&manifest.path);
        if !file.text.contains(&format!("`{member}`")) && !file.text.contains(&format!("`{member}/`")) {
            findings.push(Finding::new(MAP, 1, "map", format!("`{member}` is not on the map: add a line")));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const HERE: (&str, &str) = ("services/users/src/api.rs", "");

    #[test]
    fn a_path_that_moved_is_found() {
        let text =
            "See `services/users/src/api.rs:12`, `services/users/`.\nAnd `services/users/src/gone.rs`.";
        let findings = found(paths, &[HERE, ("docs/a.md", text)]);
        assert_eq!(findings, ["docs/a.md:2: `services/users/src/gone.rs` does not exist: correct the path"]);
    }

    #[test]
    fn a_readme_names_paths_of_its_own_crate() {
        let text = "`src/api.rs` and `src/gone.rs`, `GONE.md`";
        assert_eq!(found(paths, &[HERE, ("services/users/README.md", text)]).len(), 2);
    }

    #[test]
    fn what_is_no_path_is_left_alone() {
        let text = "`GET /v1/users` `a/b` `services/*/src` `docs/errors/<code>.md` `cargo run`\n```\ndocs/x.md `docs/y.md`\n```";
        assert_eq!(found(paths, &[HERE, ("README.md", text)]), [""; 0]);
    }

    #[test]
    fn a_source_in_a_comment_exists() {
        let text = "/// Source: docs/adr/0004-stock.md.\nfn a() { open(\"docs/gone.md\") }\n";
        let findings = found(paths, &[("node/src/lib.rs", text)]);
        assert_eq!(
            findings,
            ["node/src/lib.rs:1: `docs/adr/0004-stock.md` does not exist: correct the path"]
        );
        assert_eq!(found(paths, &[("node/src/lib.rs", text), ("docs/adr/0004-stock.md", "")]), [""; 0]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let text = "[a](../README.md#top) [b](https://example.org/x) [c](#d) `[x](y)` [e](gone.md)";
        let findings = found(links, &[("README.md", ""), ("docs/a.md", text)]);
        assert_eq!(findings, ["docs/a.md:1: the link to `gone.md` leads nowhere: correct it"]);
    }

    #[test]
    fn the_map_is_short_and_complete() {
        let crate_file = ("contract/Cargo.toml", "");
        assert_eq!(found(map, &[crate_file]).len(), 1);
        assert_eq!(found(map, &[crate_file, (MAP, "`contract` says")]), [""; 0]);
        assert_eq!(found(map, &[crate_file, (MAP, "nothing")]).len(), 1);
        let long = format!("`contract/`{}", "\n".repeat(300));
        assert_eq!(found(map, &[crate_file, (MAP, &long)]).len(), 1);
    }
}
