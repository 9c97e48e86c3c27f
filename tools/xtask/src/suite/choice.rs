use std::io;

/// The step against the generated API description, as a word among the names.
const API: &str = "schemathesis";

/// What the tests keep their data in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    /// Files in folders of their own; the tests of crates without data run here too.
    Sqlite,
    /// A server that is started for them.
    Postgres,
}

impl Engine {
    fn named(name: &str) -> io::Result<Self> {
        match name {
            "sqlite" => Ok(Self::Sqlite),
            "postgres" => Ok(Self::Postgres),
            _ => Err(io::Error::other(format!("--engine takes `sqlite` or `postgres`, not `{name}`"))),
        }
    }
}

/// Which tests are to run. The default is all, on both engines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    engine: Option<Engine>,
    names: Vec<String>,
    api: bool,
}

impl Choice {
    /// Reads `[--engine ENGINE] [NAME..]`.
    ///
    /// # Errors
    /// If there is no engine of that name.
    pub(crate) fn parse(arguments: &[String]) -> io::Result<Self> {
        let mut choice = Self::default();
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            match argument {
                "--engine" => choice.engine = Some(Engine::named(rest.next().unwrap_or_default())?),
                API => choice.api = true,
                name => choice.names.push(name.to_owned()),
            }
        }
        Ok(choice)
    }

    /// Whether tests are to run on that engine.
    pub(crate) fn has(&self, engine: Engine) -> bool {
        let tests = !self.names.is_empty() || !self.api;
        tests && self.engine.is_none_or(|chosen| chosen == engine)
    }

    /// Whether the step against the API description is to run.
    pub(crate) fn has_api(&self) -> bool {
        self.api || self.has_papers()
    }

    /// Whether what belongs to no test by name is to run: examples in the docs, the written description.
    pub(crate) fn has_papers(&self) -> bool {
        self.names.is_empty() && !self.api && self.engine != Some(Engine::Postgres)
    }

    /// Whether the tests are to run that need the program of an earlier revision.
    pub(crate) fn has_versions(&self) -> bool {
        self.names.iter().any(|name| name.contains("versions")) || (self.names.is_empty() && !self.api)
    }

    /// Only tests whose name holds one of these run; all if there is none.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(line: &str) -> io::Result<Choice> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Choice::parse(&arguments)
    }

    /// What runs: on SQLite, on PostgreSQL, the API, the papers.
    fn parts(line: &str) -> [bool; 4] {
        let choice = choice(line).expect("it is understood");
        [choice.has(Engine::Sqlite), choice.has(Engine::Postgres), choice.has_api(), choice.has_papers()]
    }

    #[test]
    fn names_and_engines_choose_the_parts() {
        assert_eq!(parts(""), [true, true, true, true]);
        assert_eq!(parts("stock"), [true, true, false, false]);
        assert_eq!(parts("schemathesis"), [false, false, true, false]);
        assert_eq!(parts("schemathesis stock"), [true, true, true, false]);
        assert_eq!(parts("--engine sqlite"), [true, false, true, true]);
        assert_eq!(parts("--engine postgres"), [false, true, false, false]);
        assert_eq!(parts("stock --engine postgres"), [false, true, false, false]);
        assert_eq!(
            choice("stock --engine postgres cart").expect("it is understood").names(),
            ["stock", "cart"]
        );
    }

    #[test]
    fn two_versions_are_built_only_where_they_may_be_needed() {
        for (line, needed) in
            [("", true), ("--engine postgres", true), ("versions::", true), ("stock", false), (API, false)]
        {
            assert_eq!(choice(line).expect("it is understood").has_versions(), needed, "{line}");
        }
    }

    #[test]
    fn an_unknown_engine_is_refused() {
        for line in ["--engine oracle", "--engine"] {
            let error = choice(line).expect_err("there is none").to_string();
            assert!(error.starts_with("--engine takes `sqlite` or `postgres`"), "{error}");
        }
    }
}
