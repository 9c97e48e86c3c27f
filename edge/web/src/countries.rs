//! The names of countries, ISO 3166-1.

const LIST: &str = include_str!("countries.txt");

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    LIST.lines().filter_map(|line| line.split_once(' '))
}

/// Every code.
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    all().map(|(code, _)| code)
}

/// The name of a country; its code if it is not known.
pub(crate) fn name(code: &str) -> &str {
    all().find(|(own, _)| *own == code).map_or(code, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_well_shaped_and_stands_once() {
        let mut codes: Vec<_> = codes().collect();
        assert!(codes.iter().all(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase())));
        let count = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), count);
        assert_eq!((name("DE"), name("XX")), ("Germany", "XX"));
    }
}
