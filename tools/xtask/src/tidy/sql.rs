//! SQL that is written once and runs on SQLite, PostgreSQL and what speaks its wire: the rules that text can show.
//! That every statement can be prepared on an engine is a test of each house.

use std::ops::RangeInclusive;

use super::Finding;
use super::rooms::all_tables;
use crate::rust::{Source, block, line_at};
use crate::tree::{File, Tree};

/// Where SQL lives besides the houses' `store` rooms and migrations.
const FLOORS: &[&str] = &["platform/sql", "platform/queue", "tools"];
/// The dialect switch and the tools are not bound to one text for all engines.
const FREE: &[&str] = &["platform/sql", "tools"];
/// A statement longer than this moves to a file of its own.
const LITERAL_LINES_MAX: usize = 3;

/// Words in a row, and what to do instead.
const BANNED: &[(&[&str], &str)] = &[
    (&["select", "*"], "name the columns"),
    (&["returning", "*"], "name the columns"),
    (&[".", "*"], "name the columns"),
    (&["now", "("], "times are parameters"),
    (&["current_timestamp"], "times are parameters"),
    (&["current_date"], "times are parameters"),
    (&["strftime"], "times are parameters"),
    (&["gen_random_uuid"], "ids are made in Rust"),
    (&["random", "("], "chance is drawn in Rust"),
    (&["nextval"], "ids are made in Rust"),
    (&["create", "sequence"], "ids are made in Rust"),
    (&["as", "identity"], "ids are made in Rust"),
    (&["serial"], "ids are made in Rust"),
    (&["bigserial"], "ids are made in Rust"),
    (&["autoincrement"], "ids are made in Rust"),
    (&["ilike"], "fold the case in Rust, or search in the index"),
    (&["for", "update"], "guard the write and check its row count"),
    (&["skip", "locked"], "leave it to the dialect's `{LOCK}`"),
    (&["lock", "table"], "use a lease row"),
    (&["pg_advisory_lock"], "use a lease row"),
    (&["pg_try_advisory_lock"], "use a lease row"),
    (&["create", "trigger"], "rules live in `model`"),
    (&["create", "function"], "rules live in `model`"),
    (&["create", "procedure"], "rules live in `model`"),
    (&["create", "type"], "store a `text` and check it"),
    (&["create", "domain"], "store a `text` and check it"),
    (&["create", "temp"], "a session has no state"),
    (&["create", "temporary"], "a session has no state"),
    (&["deferrable"], "CockroachDB has none"),
    (&["merge", "into"], "use `insert .. on conflict (key) do update`"),
    (&["as", "(", "insert"], "no writes inside `with`"),
    (&["as", "(", "update"], "no writes inside `with`"),
    (&["as", "(", "delete"], "no writes inside `with`"),
    (&["insert", "or"], "use `on conflict (key) do ..`"),
    (&["pragma"], "settings belong to platform/sql"),
    (&["offset", "$"], "pages are keyset pages"),
    (&["["], "no arrays"),
    (&["any", "("], "no arrays: use an `in` list padded to a power of two"),
    (&["/"], "integer division differs by engine: divide in Rust"),
    (&["?"], "parameters are `$1`, `$2`, .."),
    (&["true"], "booleans are `smallint` 0 and 1"),
    (&["false"], "booleans are `smallint` 0 and 1"),
    (&["boolean"], "booleans are `smallint` 0 and 1"),
    (&["bool"], "booleans are `smallint` 0 and 1"),
    (&["int"], "integers are `bigint` or `smallint`"),
    (&["integer"], "integers are `bigint` or `smallint`"),
    (&["real"], "no floats: `bigint` minor units"),
    (&["float"], "no floats: `bigint` minor units"),
    (&["double", "precision"], "no floats: `bigint` minor units"),
    (&["numeric"], "no decimals: `bigint` minor units"),
    (&["decimal"], "no decimals: `bigint` minor units"),
    (&["varchar"], "texts are `text`"),
    (&["json"], "JSON is `text`, never queried inside"),
    (&["jsonb"], "JSON is `text`, never queried inside"),
    (&["timestamptz"], "times are `bigint` microseconds"),
    (&["datetime"], "times are `bigint` microseconds"),
    (&["blob"], "bytes are `bytea`"),
];
const KEYWORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "CREATE",
    "TABLE",
    "INDEX",
    "ALTER",
    "DROP",
    "AND",
    "OR",
    "NOT",
    "NULL",
    "IS",
    "IN",
    "ON",
    "JOIN",
    "LEFT",
    "ORDER",
    "BY",
    "GROUP",
    "LIMIT",
    "PRIMARY",
    "KEY",
    "CONSTRAINT",
    "CHECK",
    "UNIQUE",
    "REFERENCES",
    "DEFAULT",
    "CONFLICT",
    "RETURNING",
    "AS",
];

/// A word or sign of a statement.
#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Splits SQL into words and single signs. Comments, quoted texts and Rust's escapes are left out.
fn tokens(sql: &str, first_line: usize) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut line = first_line;
    let mut chars = sql.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            '\\' => {
                if chars.next() == Some('\n') {
                    line += 1;
                }
            }
            '-' if chars.peek() == Some(&'-') => while chars.next_if(|c| *c != '\n').is_some() {},
            '\'' => while chars.next().is_some_and(|c| c != '\'') {},
            c if c.is_whitespace() => {}
            c if c.is_alphanumeric() || c == '_' => {
                let mut text = String::from(c);
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    text.push(c);
                }
                tokens.push(Token { line, text });
            }
            c => tokens.push(Token { line, text: c.into() }),
        }
    }
    tokens
}

/// Whether a string literal is a statement rather than a sentence.
fn is_statement(text: &str) -> bool {
    let words: Vec<String> =
        tokens(text, 1).into_iter().take(60).map(|token| token.text.to_lowercase()).collect();
    let word = |index: usize| words.get(index).map_or("", String::as_str);
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    match (word(0), word(1)) {
        ("select", next) => has("from") || next == "1",
        ("with", _) => has("as") && has("select"),
        ("insert", next) => next == "into" || next == "or",
        ("update", _) => word(2) == "set" || has("set") && has("where"),
        ("delete", next) => next == "from",
        ("create", next) => matches!(next, "table" | "index" | "unique" | "view" | "trigger" | "sequence"),
        ("alter" | "drop", next) => matches!(next, "table" | "index"),
        ("listen" | "notify" | "pragma", next) => !next.is_empty() && words.len() < 8,
        _ => false,
    }
}

fn in_store(path: &str) -> bool {
    path.contains("/src/store/") || path.ends_with("/src/store.rs")
}

/// A statement in a file: its first line and its text.
struct Statement<'a> {
    file: &'a File,
    line: usize,
    text: &'a str,
}

/// All `.sql` files and every literal outside tests that is a statement.
fn statements(tree: &Tree) -> Vec<Statement<'_>> {
    let mut found: Vec<_> =
        tree.ending(".sql").map(|file| Statement { file, line: 1, text: &file.text }).collect();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test()) {
        let literals = source.literals.iter().filter(|literal| !source.is_test(literal.line));
        for literal in literals.filter(|literal| is_statement(&literal.text)) {
            found.push(Statement { file, line: literal.line, text: &literal.text });
        }
    }
    found
}

/// SQL lives in `store` rooms and migrations; long statements in files with a comment on top.
pub(super) fn place(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for Statement { file, line, text } in statements(tree) {
        let mut find = |message: &str| findings.push(Finding::new(&file.path, line, "sql-place", message));
        let store = in_store(&file.path);
        let migration = file.path.contains("/migrations/");
        if !store && !migration && !file.within(FLOORS) {
            find("SQL lives in the house's `store` room: move the statement there");
        }
        let own_file = file.rust.is_none();
        if store && !own_file && text.lines().count() > LITERAL_LINES_MAX {
            find("longer than three lines: move it to `store/<verb>.sql`");
        }
        if store && own_file && !text.trim_start().starts_with("--") {
            find("start with a `--` comment that says what it is for");
        }
    }
    findings
}

/// Every statement is registered, so that one test can prepare them all; every file of a store is used.
pub(super) fn registered(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in tree.rust().filter(|(file, _)| !file.is_test() && !file.within(FREE)) {
        let registers = registers(source);
        for literal in source.literals.iter().filter(|literal| is_statement(&literal.text)) {
            let known = registers.iter().any(|lines| lines.contains(&literal.line));
            if !known && !source.is_test(literal.line) {
                let message = "register it in `statements!`, so that the test that prepares all meets it";
                findings.push(Finding::new(&file.path, literal.line, "sql-register", message));
            }
        }
    }
    for file in tree.ending(".sql") {
        let Some((room, name)) = file.path.split_once("/src/store/") else { continue };
        let used = |source: &Source| source.literals.iter().any(|literal| literal.text.ends_with(name));
        if !tree.rust().any(|(other, source)| other.within(&[room]) && used(source)) {
            findings.push(Finding::new(&file.path, 1, "sql-register", "no statement includes it: remove it"));
        }
    }
    findings
}

/// The lines within `statements!`, and in a file that has one those of its macros, which may glue texts for it.
fn registers(source: &Source) -> Vec<RangeInclusive<usize>> {
    let code = &source.code;
    let blocks = |name: &'static str| {
        let found = code.match_indices(name).filter_map(|(at, _)| block(code, at));
        found.map(|(open, close)| line_at(code, open)..=line_at(code, close))
    };
    let mut lines: Vec<_> = blocks("statements!").collect();
    if !lines.is_empty() {
        lines.extend(blocks("macro_rules!"));
    }
    lines
}

/// One text for every engine.
pub(super) fn portable(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for statement in statements(tree).iter().filter(|statement| !statement.file.within(FREE)) {
        let tokens = tokens(statement.text, statement.line);
        let mut find =
            |line, message| findings.push(Finding::new(&statement.file.path, line, "sql", message));
        for (index, token) in tokens.iter().enumerate() {
            if KEYWORDS.contains(&token.text.as_str()) {
                find(token.line, format!("`{}`: keywords are lowercase", token.text));
            }
            for (words, advice) in BANNED.iter().filter(|(words, _)| starts(&tokens[index..], words)) {
                find(token.line, format!("`{}`: {advice}", words.join(" ")));
            }
            if let Some(message) = in_context(&tokens, index) {
                find(token.line, message.into());
            }
        }
    }
    findings
}

fn starts(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(token, word)| token.text == *word)
}

/// What is wrong only because of the words around it.
fn in_context(tokens: &[Token], index: usize) -> Option<&'static str> {
    let text = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| token.text.as_str());
    let after = text(Some(index + 1));
    let before = text(index.checked_sub(1));
    let named = text(index.checked_sub(2)) == "constraint";
    match text(Some(index)) {
        "conflict" if before == "on" && after != "(" => {
            Some("`on conflict` needs its key: `on conflict (id)`")
        }
        "listen" | "notify" if before.is_empty() || before == ";" => {
            Some("no notifications: they lock every commit")
        }
        "check" if after == "(" && !named => Some("name it: `constraint x check (..)`"),
        "unique" if before != "create" && !named => Some("name it: `constraint x unique (..)`"),
        "foreign" if after == "key" && !named => Some("name it: `constraint x foreign key (..)`"),
        "sum" if after == "(" => {
            let cast = tokens[index.saturating_sub(5)..index].iter().any(|token| token.text == "cast");
            (!cast).then_some("PostgreSQL sums bigint to numeric: `cast(sum(..) as bigint)`")
        }
        _ => None,
    }
}

/// No house reads another's tables.
pub(super) fn own_tables(tree: &Tree) -> Vec<Finding> {
    let tables = all_tables(tree);
    let houses = tree.folders_in("services");
    let mut findings = Vec::new();
    for statement in statements(tree) {
        let Some(house) = houses.iter().find(|house| statement.file.within(&[house])) else { continue };
        for pair in tokens(statement.text, statement.line).windows(2) {
            if !matches!(pair[0].text.as_str(), "from" | "join" | "into" | "update" | "references") {
                continue;
            }
            let owners: Vec<&str> =
                tables.iter().filter(|t| t.name == pair[1].text).map(|t| t.house.as_str()).collect();
            if !owners.is_empty() && !owners.contains(&house.as_str()) {
                let message =
                    format!("`{}` belongs to {}: ask through the contract", pair[1].text, owners[0]);
                findings.push(Finding::new(&statement.file.path, pair[1].line, "sql-owner", message));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::found;
    use super::*;

    const FILE: &str = "services/users/src/store/get.sql";

    fn portable_findings(sql: &str) -> Vec<String> {
        found(portable, &[(FILE, sql)])
    }

    #[test]
    fn sql_outside_a_store_is_found() {
        for text in [
            "let sql = \"select id from users\";",
            "run(\"insert into users (id) values ($1)\")",
            "run(\"update users set name = $1\")",
            "run(\"delete from users\")",
            "run(r#\"create table users (id text)\"#)",
        ] {
            assert_eq!(found(place, &[("services/users/src/api.rs", text)]).len(), 1, "{text}");
            assert_eq!(found(place, &[("services/users/src/store.rs", text)]), [""; 0], "{text}");
            assert_eq!(found(place, &[("services/users/tests/it/main.rs", text)]), [""; 0], "{text}");
            assert_eq!(found(place, &[("platform/queue/src/relay.rs", text)]), [""; 0], "{text}");
        }
    }

    #[test]
    fn sentences_are_no_sql() {
        for text in [
            "select a product first",
            "update the price",
            "delete the order",
            "create an account",
            "with care",
        ] {
            let code = format!("say(\"{text}\");");
            assert_eq!(found(place, &[("services/users/src/api.rs", &code)]), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_long_statement_moves_to_a_file_with_a_comment() {
        let long = "const GET: &str = \"select\n  id\nfrom users\nwhere id = $1\";";
        assert_eq!(found(place, &[("services/users/src/store.rs", long)]).len(), 1);
        assert_eq!(found(place, &[(FILE, "select\n  id\nfrom users\n")]).len(), 1);
        assert_eq!(found(place, &[(FILE, "-- One user by id.\nselect\n  id\nfrom users\n")]), [""; 0]);
    }

    #[test]
    fn a_statement_that_is_not_registered_is_found() {
        let store = "statements! {\n    pub(crate) mod sql {\n        A = \"select id from users\";\n\
                     B = include_str!(\"store/get.sql\");\n    }\n}\n";
        let path = "services/users/src/store.rs";
        assert_eq!(found(registered, &[(path, store), (FILE, "-- x")]), [""; 0]);
        let glued = format!("macro_rules! list {{ () => {{ \"delete from users\" }} }}\n{store}");
        assert_eq!(found(registered, &[(path, &glued)]), [""; 0]);
        let loose = format!("{store}const C: &str = \"delete from users\";");
        assert_eq!(found(registered, &[(path, &loose)]).len(), 1);
        assert_eq!(found(registered, &[(path, ""), (FILE, "-- x")]).len(), 1);
    }

    #[test]
    fn every_banned_phrase_is_found() {
        for (words, _) in BANNED {
            let sql = format!("select id, {} x from users", words.join(" "));
            assert!(!portable_findings(&sql).is_empty(), "{sql}");
        }
    }

    #[test]
    fn rules_that_need_context_fire() {
        for sql in [
            "insert into users (id) values ($1) on conflict do nothing",
            "create table users (age bigint check (age > 0))",
            "create table users (email text unique)",
            "create table users (id text, foreign key (id) references people (id))",
            "select sum(amount) from users",
            "notify users",
        ] {
            assert_eq!(portable_findings(sql).len(), 1, "{sql}: {:?}", portable_findings(sql));
        }
    }

    #[test]
    fn keywords_are_lowercase() {
        assert_eq!(
            portable_findings("SELECT id from users")[0],
            format!("{FILE}:1: `SELECT`: keywords are lowercase")
        );
    }

    #[test]
    fn portable_sql_is_silent() {
        let sql = "-- Now, select * from the past; it's fine.\n\
                   create table users (\n  id text not null,\n  age bigint not null,\n  now_us bigint not null,\n\
                   constraint users_pk primary key (id),\n  constraint users_age check (age >= 0),\n\
                   constraint users_email unique (email));\n\
                   create unique index users_by_age on users (age);\n\
                   insert into users (id) values ($1) on conflict (id) do nothing;\n\
                   select count(*), coalesce(cast(sum(age * 2) as bigint), 0) from users where state = 'now() ILIKE';\n\
                   update users set age = age - $1 where id = $2 and age >= $1;\n";
        assert_eq!(portable_findings(sql), [""; 0]);
    }

    #[test]
    fn the_line_within_a_literal_is_named() {
        let text = "fn f() {}\nconst GET: &str = \"select id \\\n  from users \\\n  where now() > 1\";";
        let findings = found(portable, &[("services/users/src/store.rs", text)]);
        assert_eq!(findings, ["services/users/src/store.rs:4: `now (`: times are parameters"]);
    }

    #[test]
    fn a_house_does_not_read_anothers_tables() {
        let tables =
            ("services/orders/migrations/0001.sql", "create table carts (\n);\ncreate table outbox ();");
        let own = ("services/users/migrations/0001.sql", "create table outbox (\n);");
        let theft = ("services/users/src/store/get.sql", "-- x\nselect id\nfrom carts\njoin outbox on 1 = 1");
        let findings = found(own_tables, &[tables, own, theft]);
        assert_eq!(
            findings,
            [format!("{FILE}:3: `carts` belongs to services/orders: ask through the contract")]
        );
        let fair = ("services/orders/src/store/get.sql", "-- x\nselect id\nfrom carts");
        assert_eq!(found(own_tables, &[tables, own, fair]), [""; 0]);
    }
}
