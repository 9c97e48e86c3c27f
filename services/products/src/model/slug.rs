//! Names in addresses, made from titles.

/// The longest slug, in bytes.
const LEN_MAX: usize = 120;
/// What a text without a single letter or digit that we know becomes.
const NAMELESS: &str = "product";

/// Makes a slug of any text: letters without accents and digits stay, all else becomes a single hyphen.
pub(crate) fn slugify(text: &str) -> String {
    let mut slug = String::new();
    let mut gap = false;
    for letter in text.chars().flat_map(char::to_lowercase) {
        let plain = plain(letter);
        if plain.is_empty() {
            // An apostrophe belongs to its word: `men's` is `mens`.
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
    // Everything in it is ASCII, so any place is between characters.
    slug.truncate(LEN_MAX);
    let end = slug.trim_end_matches('-').len();
    slug.truncate(end);
    if slug.is_empty() { NAMELESS.to_owned() } else { slug }
}

/// The slugs to try for a product that was given none, the nicest first: its title, its title and first SKU. The
/// same product gets the same ones each time, so that an import can run twice.
pub(crate) fn slug_candidates(title: &str, sku: &str) -> [String; 2] {
    let title = slugify(title);
    let sku = slugify(sku);
    let room = LEN_MAX.saturating_sub(sku.len() + 1);
    let head = title[..title.len().min(room)].trim_end_matches('-');
    let joined = if head.is_empty() { sku } else { format!("{head}-{sku}") };
    [title, joined]
}

/// A lowercase letter or digit in ASCII; empty for what separates words.
fn plain(letter: char) -> &'static str {
    const ASCII: &str = "abcdefghijklmnopqrstuvwxyz0123456789";
    if let Some(at) = ASCII.find(letter) {
        return &ASCII[at..=at];
    }
    match letter {
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ģ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ő' => "o",
        'ö' | 'œ' => "oe",
        'ŕ' | 'ř' => "r",
        'ś' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' => "t",
        'þ' => "th",
        'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ü' => "ue",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shoal_contract::check;
    use shoal_contract::products::NewCategory;

    use super::*;

    #[test]
    fn titles_become_readable_slugs() {
        for (title, slug) in [
            ("Stoneware Mug, 300 ml", "stoneware-mug-300-ml"),
            ("Crème Brûlée  & Söhne", "creme-brulee-soehne"),
            ("Men's  —  T-Shirt!", "mens-t-shirt"),
            ("東京", "product"),
        ] {
            assert_eq!(slugify(title), slug);
        }
        assert_eq!(slug_candidates("Mug", "MUG-1"), ["mug", "mug-mug-1"]);
    }

    proptest! {
        #[test]
        fn every_text_becomes_a_valid_slug(title in ".{0,300}", sku in ".{0,80}") {
            for slug in slug_candidates(&title, &sku) {
                let category = NewCategory { slug, title: "x".into(), parent: None, position: 0 };
                prop_assert_eq!(check(&category), Ok(()), "{}", category.slug);
            }
        }
    }
}
