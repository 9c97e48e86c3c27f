//! Names in addresses, made of any text.

use std::collections::HashMap;

/// The longest slug, bytes.
const LEN_MAX: usize = 120;

/// Makes a slug: letters without accents and digits stay, an apostrophe goes, all else becomes a single hyphen.
/// Empty if the text has no letter or digit that is known here.
pub(crate) fn slugify(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    let mut gap = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let mut plain = [0; 4];
        let plain = plain_letter(letter, &mut plain);
        if plain.is_empty() {
            gap |= letter != '\'' && letter != '’';
            continue;
        }
        if gap && !slug.is_empty() {
            slug.push('-');
        }
        gap = false;
        slug.push_str(plain);
        if slug.len() > LEN_MAX {
            break;
        }
    }
    cut(slug, LEN_MAX)
}

/// Every character is ASCII, so any place is between characters.
fn cut(mut slug: String, len_max: usize) -> String {
    slug.truncate(len_max);
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}

fn plain_letter(letter: char, buffer: &mut [u8; 4]) -> &str {
    match letter {
        'a'..='z' | '0'..='9' => letter.encode_utf8(buffer),
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ő' | 'ō' => "o",
        'ö' | 'œ' => "oe",
        'ř' => "r",
        'ś' | 'š' | 'ş' => "s",
        'ß' => "ss",
        'ť' | 'ţ' => "t",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'þ' => "th",
        _ => "",
    }
}

/// The slugs given out in one run, each to one owner. Decides by the order of the file, so that the same file gives
/// the same slugs again.
#[derive(Debug, Default)]
pub(crate) struct Slugs {
    owners: HashMap<Box<str>, Box<str>>,
}

impl Slugs {
    /// The first of `wanted`, `wanted-spare`, `wanted-2`, `wanted-3`.. that is free or `owner`'s already.
    pub(crate) fn give(&mut self, wanted: String, spare: Option<&str>, owner: &str) -> String {
        if self.take(&wanted, owner) {
            return wanted;
        }
        let spare = spare.map(slugify).filter(|spare| !spare.is_empty());
        if let Some(longer) = spare.map(|spare| joined(&wanted, &spare))
            && self.take(&longer, owner)
        {
            return longer;
        }
        let mut number = 2_u64;
        loop {
            let numbered = joined(&wanted, &number.to_string());
            if self.take(&numbered, owner) {
                return numbered;
            }
            number += 1;
        }
    }

    fn take(&mut self, slug: &str, owner: &str) -> bool {
        match self.owners.get(slug) {
            Some(present) => **present == *owner,
            None => {
                self.owners.insert(slug.into(), owner.into());
                true
            }
        }
    }
}

fn joined(slug: &str, tail: &str) -> String {
    let room = LEN_MAX.saturating_sub(tail.len() + 1);
    let tail: &str = if room == 0 { &tail[..LEN_MAX / 2] } else { tail };
    let room = LEN_MAX - tail.len() - 1;
    format!("{}-{tail}", cut(slug.to_owned(), room))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_title_becomes_a_readable_slug() {
        assert_eq!(slugify("  Men's Größe: Ümlaut & Co. "), "mens-groesse-uemlaut-co");
        assert_eq!(slugify("BREAD:ITALIAN/FRENCH"), "bread-italian-french");
        assert_eq!(slugify("日本"), "");
    }

    #[test]
    fn a_taken_slug_gets_the_spare_then_a_number() {
        let mut slugs = Slugs::default();
        assert_eq!(slugs.give("mug".into(), Some("M1"), "1"), "mug");
        assert_eq!(slugs.give("mug".into(), Some("M1"), "1"), "mug");
        assert_eq!(slugs.give("mug".into(), Some("85A"), "2"), "mug-85a");
        assert_eq!(slugs.give("mug".into(), Some("85a"), "3"), "mug-2");
        assert_eq!(slugs.give("mug".into(), None, "4"), "mug-3");
    }

    proptest! {
        #[test]
        fn a_slug_is_valid_or_empty(text in ".{0,300}", spare in ".{0,200}") {
            let mut slugs = Slugs::default();
            let slug = slugify(&text);
            prop_assume!(!slug.is_empty());
            for owner in ["a", "b", "c"] {
                let given = slugs.give(slug.clone(), Some(&spare), owner);
                prop_assert!(given.len() <= 120, "{}", given);
                prop_assert!(given.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
                prop_assert!(!given.starts_with('-') && !given.ends_with('-') && !given.contains("--"), "{}", given);
            }
        }
    }
}
