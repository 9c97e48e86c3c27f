use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shoal_types::Timestamp;

/// `2026-05-03T10:12:00.000000Z`
const TIME_LEN: usize = 27;
/// Letters of the part of an id that is drawn.
const SUFFIX: &str = "0123456789abcdefghjkmnpqrstvwxyz";

/// Names for what is drawn or timed: the same for the same, in the order of first appearance. What is left of a text is
/// the same in every run, and an id that becomes another one shows.
///
/// Times are called after the word before them, the member's name in JSON, and are the same only under that word: two
/// that are read one after the other may be equal in one run and not in the next.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<(String, String), String>,
    given: HashMap<String, usize>,
}

impl Names {
    /// `text` with every drawn or timed part replaced by its name.
    pub(super) fn replace(&mut self, text: &str) -> String {
        let (mut replaced, mut rest, mut before) = (String::with_capacity(text.len()), text, "time");
        while let Some(first) = rest.chars().next() {
            let len = match time(rest) {
                Some(time) => time.len(),
                // Its base 64 has letters that are in no word.
                None if rest.starts_with("whsec_") => rest.find('"').unwrap_or(rest.len()),
                None => rest.find(|letter| !of_word(letter)).unwrap_or(rest.len()).max(first.len_utf8()),
            };
            let (word, after) = rest.split_at(len);
            match self.of(word, before) {
                Some(name) => replaced.push_str(&name),
                None => replaced.push_str(word),
            }
            if word.starts_with(of_word) {
                before = word;
            }
            rest = after;
        }
        replaced
    }

    /// The name of a word that is drawn or timed, and comes after the word `before`.
    fn of(&mut self, word: &str, before: &str) -> Option<String> {
        let letters = word.len();
        if time(word).is_some() {
            return Some(self.named(word, before));
        }
        if let Some(noun) = noun(word) {
            return Some(self.named(word, noun));
        }
        if letters == 16 && word.starts_with("S-") {
            return Some(self.named(word, "number"));
        }
        if letters == 16 && word.bytes().all(|digit| digit.is_ascii_digit()) {
            return Some(self.named(word, "micros"));
        }
        if letters > 80 && word.starts_with("shoal_") {
            return Some(self.named(word, "token"));
        }
        if word.starts_with("whsec_") {
            return Some(self.named(word, "webhook secret"));
        }
        if let Some(keys) = cursor(word) {
            let replaced = self.replace(&keys);
            return (replaced != keys).then(|| format!("<cursor {replaced}>"));
        }
        (letters == 43).then(|| self.named(word, "secret"))
    }

    fn named(&mut self, word: &str, kind: &str) -> String {
        let of_kind = (kind.to_owned(), word.to_owned());
        if let Some(name) = self.known.get(&of_kind) {
            return name.clone();
        }
        let given = self.given.entry(kind.to_owned()).or_default();
        *given += 1;
        let name = format!("<{kind} {given}>");
        self.known.insert(of_kind, name.clone());
        name
    }
}

fn of_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

/// The time that a text begins with.
fn time(text: &str) -> Option<&str> {
    let time = text.get(..TIME_LEN)?;
    (time.ends_with('Z') && time.as_bytes()[10] == b'T' && Timestamp::parse(time).is_some()).then_some(time)
}

/// What an id is of.
fn noun(word: &str) -> Option<&str> {
    let (noun, suffix) = word.rsplit_once('_')?;
    (suffix.len() == 26 && suffix.chars().all(|letter| SUFFIX.contains(letter))).then_some(noun)
}

/// The sort keys within a cursor.
fn cursor(word: &str) -> Option<String> {
    let keys = String::from_utf8(URL_SAFE_NO_PAD.decode(word).ok()?).ok()?;
    let plain = |letter: char| letter == '\u{1f}' || !letter.is_control();
    (word.len() >= 20 && keys.chars().all(plain)).then(|| keys.replace('\u{1f}', "|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_gets_the_same_name_wherever_it_stands() {
        let mut names = Names::default();
        let (one, two) = ("order_01h455vb4pex5vsknk084sn02q", "order_01h455vb4pex5vsknk084sn02r");
        let said =
            format!(r#"{{"id":"{one}","at":"2026-05-03T10:12:00.000000Z","number":"S-X5X3-C5CP-PA40"}}"#);
        assert_eq!(names.replace(&said), r#"{"id":"<order 1>","at":"<at 1>","number":"<number 1>"}"#);
        assert_eq!(names.replace(&format!("/v1/orders/{two}/{one}?x")), "/v1/orders/<order 2>/<order 1>?x");
        let cursor = URL_SAFE_NO_PAD.encode(format!("1777803120000000\u{1f}{one}"));
        assert_eq!(names.replace(&format!("\"{cursor}\"")), "\"<cursor <micros 1>|<order 1>>\"");
        let secrets = r#"{"secret":"whsec_a+b/c==","old":"whsec_a+b/c=="}"#;
        let named = r#"{"secret":"<webhook secret 1>","old":"<webhook secret 1>"}"#;
        assert_eq!(names.replace(secrets), named);
        assert_eq!(names.replace("hat 12345 – größer_als €"), "hat 12345 – größer_als €");
    }
}
