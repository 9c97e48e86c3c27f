//! The place of the data: a directory or the URL of a PostgreSQL database.

use serde::{Deserialize, Deserializer, Serializer, de};
use shoal_sql::Source;

/// Writes it without its password.
pub(super) fn serialize<S: Serializer>(source: &Source, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(source)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Source, D::Error> {
    let wrong = |error| de::Error::custom(format!("{error} (docs/errors/database_url_invalid.md)"));
    Source::parse(&String::deserialize(from)?).map_err(wrong)
}

/// A setting as it may be shown: with stars for the password of a URL.
pub(super) fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    match rest.rsplit_once('@') {
        Some((login, place)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{place}")
        }
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown("data"), "data");
        assert_eq!(shown("postgres://a/b"), "postgres://a/b");
        assert_eq!(shown("postgres://ann:p@ss@a:1,b/c?d=e"), "postgres://ann:***@a:1,b/c?d=e");
    }
}
