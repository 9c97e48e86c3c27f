use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use toml::{Table, Value};

use super::{Config, data, queue};

/// The defaults, with a comment for each key.
const DEFAULTS: &str = include_str!("../../../config/default.toml");
/// Keys that are never printed.
const SECRETS: [&str; 2] = ["checkout.webhook_secret", "mail.password"];
/// Variables of the environment that are not keys: `SHOAL_CONFIG` names the file.
const NOT_KEYS: [&str; 1] = ["SHOAL_CONFIG"];
/// What the tests of Shoal are told, wherever they run.
const FOR_TESTS: &str = "SHOAL_TEST_";

/// Where a configuration comes from, besides the defaults.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A file.
    pub file: Option<PathBuf>,
    /// Variables that start with `SHOAL_`.
    pub environment: BTreeMap<String, String>,
    /// Flags: the key and its text.
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The variables of this process's environment, and `file`.
    pub fn from_environment(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        let environment = std::env::vars().filter(|(name, _)| name.starts_with("SHOAL_")).collect();
        Self { file, environment, flags }
    }
}

/// A configuration, and where each key got its value.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Every key, in the order of its name.
    pub settings: Vec<Setting>,
}

/// One key as it stands.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Setting {
    /// `http.body_max`.
    pub key: String,
    /// Its value as TOML; stars for a secret.
    pub value: String,
    /// `default`, the file's name, the variable or the flag.
    pub source: String,
}

/// Reads the configuration.
///
/// # Errors
/// Names the source and the key of the first value that is unknown or unacceptable.
pub fn load(sources: &Sources) -> anyhow::Result<Loaded> {
    let mut table: Table = DEFAULTS.parse().context("config/default.toml")?;
    let mut origins: BTreeMap<String, String> =
        leaves(&table).into_iter().map(|(key, _)| (key, "default".to_owned())).collect();
    if let Some(file) = &sources.file {
        let name = file.display().to_string();
        let text =
            std::fs::read_to_string(file).with_context(|| format!("config file {name} cannot be read"))?;
        let own: Table = text.parse().with_context(|| format!("config file {name} is not TOML"))?;
        for (key, value) in leaves(&own) {
            set(&mut table, &mut origins, &key, value, &name)?;
        }
    }
    for (variable, text) in &sources.environment {
        if NOT_KEYS.contains(&variable.as_str()) || variable.starts_with(FOR_TESTS) {
            continue;
        }
        let Some(key) = origins.keys().find(|key| variable_of(key) == *variable).cloned() else {
            bail!("environment: {variable} is no key of Shoal; `shoal config show` lists them");
        };
        let value =
            parse_like(lookup(&table, &key), text).with_context(|| format!("environment: {variable}"))?;
        set(&mut table, &mut origins, &key, value, variable)?;
    }
    for (key, text) in &sources.flags {
        let value = parse_like(lookup(&table, key), text).with_context(|| format!("flag for {key}"))?;
        set(&mut table, &mut origins, key, value, "flag")?;
    }
    let settings = settings(&table, &origins);
    let config = Config::deserialize_named(table, &origins)?;
    Ok(Loaded { config, settings })
}

impl Config {
    fn deserialize_named(table: Table, origins: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        serde_path_to_error::deserialize(Value::Table(table)).map_err(|error| {
            let key = error.path().to_string();
            let origin =
                origins.iter().find(|(name, _)| key.starts_with(name.as_str())).map(|(_, origin)| origin);
            let origin = origin.map_or("configuration", String::as_str);
            anyhow::anyhow!("{origin}: {key}: {}", error.inner().message())
        })
    }
}

/// Every key that holds a value, with it. An inline table such as a quota counts as its single keys.
fn leaves(table: &Table) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(inner) => {
                all.extend(leaves(inner).into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value => all.push((name.clone(), value.clone())),
        }
    }
    all
}

fn set(
    table: &mut Table,
    origins: &mut BTreeMap<String, String>,
    key: &str,
    value: Value,
    source: &str,
) -> anyhow::Result<()> {
    let Some(origin) = origins.get_mut(key) else {
        bail!("{source}: {key} is no key of Shoal; `shoal config show` lists them");
    };
    source.clone_into(origin);
    let mut place = table;
    let mut parts = key.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            place.insert(part.to_owned(), value);
            return Ok(());
        }
        place = match place.get_mut(part) {
            Some(Value::Table(inner)) => inner,
            _ => bail!("{source}: {key} is no key of Shoal"),
        };
    }
    Ok(())
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let mut parts = key.split('.');
    let mut value = table.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value)
}

/// Reads text as the type the key has: a number, a truth, a list separated by commas, or text.
fn parse_like(present: Option<&Value>, text: &str) -> anyhow::Result<Value> {
    Ok(match present {
        Some(Value::Integer(_)) => Value::Integer(text.parse().context("expected a whole number")?),
        Some(Value::Float(_)) => Value::Float(text.parse().context("expected a number")?),
        Some(Value::Boolean(_)) => Value::Boolean(text.parse().context("expected true or false")?),
        Some(Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

fn variable_of(key: &str) -> String {
    format!("SHOAL_{}", key.replace('.', "_").to_uppercase())
}

fn settings(table: &Table, origins: &BTreeMap<String, String>) -> Vec<Setting> {
    let shown = |key: &str, value: Value| match value {
        Value::String(text) if SECRETS.contains(&key) && !text.is_empty() => "***".to_owned(),
        Value::String(text) if key == "queue.url" => Value::String(queue::shown(&text)).to_string(),
        Value::String(text) if key == "data" => Value::String(data::shown(&text)).to_string(),
        value => value.to_string(),
    };
    let setting = |(key, value): (String, Value)| Setting {
        value: shown(&key, value),
        source: origins.get(&key).cloned().unwrap_or_default(),
        key,
    };
    leaves(table).into_iter().map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variable: &str, text: &str) -> Sources {
        Sources { environment: [(variable.to_owned(), text.to_owned())].into(), ..Sources::default() }
    }

    #[test]
    fn later_sources_win() {
        let mut sources = environment("SHOAL_HTTP_BODY_MAX", "2MiB");
        sources.flags.push(("http.listen", "127.0.0.1:0".to_owned()));
        let loaded = load(&sources).expect("valid");
        assert_eq!(
            (loaded.config.http.body_max, loaded.config.http.listen.as_str()),
            (2 << 20, "127.0.0.1:0")
        );
        let origin =
            |key: &str| loaded.settings.iter().find(|setting| setting.key == key).map(|it| it.source.clone());
        assert_eq!(origin("http.body_max").as_deref(), Some("SHOAL_HTTP_BODY_MAX"));
        assert_eq!(origin("http.listen").as_deref(), Some("flag"));
    }

    #[test]
    fn unknown_and_unacceptable_keys_are_named() {
        let error = |sources: &Sources| format!("{:#}", load(sources).expect_err("refused"));
        assert!(error(&environment("SHOAL_HTP_LISTEN", "x")).contains("SHOAL_HTP_LISTEN is no key"));
        assert!(
            error(&environment("SHOAL_HTTP_BODY_MAX", "much")).contains("http.body_max: expected a size")
        );
        assert!(error(&environment("SHOAL_HTTP_REQUESTS_MAX", "many")).contains("expected a whole number"));
        assert!(error(&environment("SHOAL_ROLES", "captain")).contains("roles"));
    }

    #[test]
    fn the_login_of_a_queue_is_not_shown() {
        for url in ["nats://ann:hush@a", "nats://hush@a"] {
            let loaded = load(&environment("SHOAL_QUEUE_URL", url)).expect("valid");
            assert!(loaded.settings.iter().all(|setting| !setting.value.contains("hush")));
            assert!(!format!("{:?}", loaded.config).contains("hush"));
        }
        let error = load(&environment("SHOAL_QUEUE_URL", "ftp://ann:hush@a")).expect_err("refused");
        assert!(
            format!("{error:#}").contains("queue_address_invalid") && !format!("{error:#}").contains("hush")
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let loaded = load(&environment("SHOAL_CHECKOUT_WEBHOOK_SECRET", "hush")).expect("valid");
        assert!(loaded.settings.iter().all(|setting| !setting.value.contains("hush")));
        assert!(!format!("{:?}", loaded.config).contains("hush"));
    }
}
