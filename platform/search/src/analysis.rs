//! Text to words, the same way for documents, queries and highlighting.
//!
//! Words are lowercase, without accents, split at punctuation and between letters and digits. A chunk without
//! spaces that was split (`AB-1234`, `women's`, `iphone15`) is kept whole too, as `ab1234`. Scripts written without
//! spaces give one word per character.

use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RawTokenizer, TextAnalyzer, Token, TokenStream, Tokenizer,
};

/// The tokenizer's name in the engine. Changing what it produces takes a new name, so that old indexes are rebuilt.
pub(crate) const WORDS: &str = "words-1";

/// Longest word kept, in characters; what is longer is cut, in documents and queries alike.
const WORD_CHARS_MAX: usize = 64;
/// Most parts a chunk may have to be kept whole: more is a list or a web address, not a code.
const WHOLE_PARTS_MAX: usize = 6;

/// One word of a query: a chunk between spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The chunk without its punctuation, if that splits it.
    pub(crate) whole: Option<String>,
    /// The words it is split into, at least one.
    pub(crate) parts: Vec<String>,
}

/// The analyzer registered with the engine.
pub(crate) fn analyzer() -> TextAnalyzer {
    TextAnalyzer::builder(WordTokenizer).filter(AsciiFoldingFilter).build()
}

/// The words of a query, each once; at most `words_max`, with at most twice as many parts.
pub(crate) fn words(text: &str, words_max: usize) -> Vec<Word> {
    let mut analyzer = analyzer();
    let mut words: Vec<Word> = Vec::new();
    let mut parts_left = words_max * 2;
    for chunk in text.split_whitespace() {
        let mut word = Word { whole: None, parts: Vec::new() };
        analyzer.token_stream(chunk).process(&mut |token| match token.position_length {
            1 => word.parts.push(token.text.clone()),
            _ => word.whole = Some(token.text.clone()),
        });
        word.parts.truncate(parts_left);
        if words.len() < words_max && !word.parts.is_empty() && !words.contains(&word) {
            parts_left -= word.parts.len();
            words.push(word);
        }
    }
    words
}

/// The text as it sorts: lowercase, without accents.
pub(crate) fn folded(text: &str) -> String {
    let mut analyzer =
        TextAnalyzer::builder(RawTokenizer::default()).filter(LowerCaser).filter(AsciiFoldingFilter).build();
    let mut stream = analyzer.token_stream(text);
    if stream.advance() { std::mem::take(&mut stream.token_mut().text) } else { String::new() }
}

#[derive(Clone, Copy)]
struct WordTokenizer;

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = Tokens;

    fn token_stream(&mut self, text: &str) -> Tokens {
        Tokens { tokens: tokenize(text), next: 0 }
    }
}

struct Tokens {
    tokens: Vec<Token>,
    /// One more than the index of the present token.
    next: usize,
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        self.next += 1;
        self.next <= self.tokens.len()
    }

    fn token(&self) -> &Token {
        &self.tokens[self.next - 1]
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.tokens[self.next - 1]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Space,
    Punctuation,
    Letter,
    Digit,
    /// A character that is a word by itself.
    Ideograph,
    /// An accent or joiner that belongs to the word around it and is dropped.
    Mark,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            '\u{300}'..='\u{36f}' | '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' => {
                Self::Mark
            }
            '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
                if c.is_alphanumeric() =>
            {
                Self::Ideograph
            }
            _ if c.is_whitespace() || c.is_control() => Self::Space,
            _ if c.is_alphabetic() => Self::Letter,
            _ if c.is_numeric() => Self::Digit,
            _ => Self::Punctuation,
        }
    }
}

/// A run of one class within a chunk.
#[derive(Debug, Clone, Copy)]
struct Part {
    from: usize,
    to: usize,
    class: Class,
    chars: usize,
}

fn tokenize(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut position = 0;
    let mut chunk: Vec<Part> = Vec::new();
    let mut open: Option<Part> = None;
    for (at, c) in text.char_indices() {
        let class = Class::of(c);
        if let Some(part) = &mut open {
            if class == Class::Mark || (class == part.class && class != Class::Ideograph) {
                part.to = at + c.len_utf8();
                part.chars += usize::from(class != Class::Mark);
                continue;
            }
            add_part(&mut chunk, *part);
            open = None;
        }
        match class {
            Class::Space => push_chunk(text, &mut chunk, &mut position, &mut tokens),
            Class::Punctuation | Class::Mark => {}
            _ => open = Some(Part { from: at, to: at + c.len_utf8(), class, chars: 1 }),
        }
    }
    if let Some(part) = open {
        add_part(&mut chunk, part);
    }
    push_chunk(text, &mut chunk, &mut position, &mut tokens);
    tokens
}

/// Adds a part, or grows the last one: `mp3` and `4k` stay whole, `iphone15` and `500ml` are two words.
fn add_part(chunk: &mut Vec<Part>, part: Part) {
    if let Some(last) = chunk.last_mut() {
        let mixed = last.class != Class::Ideograph && part.class != Class::Ideograph;
        if last.to == part.from && mixed && (last.chars < 2 || part.chars < 2) {
            *last = Part { from: last.from, chars: last.chars + part.chars, ..part };
            return;
        }
    }
    chunk.push(part);
}

fn push_chunk(text: &str, chunk: &mut Vec<Part>, position: &mut usize, tokens: &mut Vec<Token>) {
    let token = |parts: &[Part], position| Token {
        offset_from: parts[0].from,
        offset_to: parts[parts.len() - 1].to,
        position,
        text: word_text(parts.iter().flat_map(|part| text[part.from..part.to].chars())),
        position_length: parts.len(),
    };
    let spaced = chunk.iter().all(|part| part.class != Class::Ideograph);
    if spaced && (2..=WHOLE_PARTS_MAX).contains(&chunk.len()) {
        tokens.push(token(chunk, *position));
    }
    for part in chunk.drain(..) {
        tokens.push(token(&[part], *position));
        *position += 1;
    }
}

fn word_text(chars: impl Iterator<Item = char>) -> String {
    chars.take(WORD_CHARS_MAX).flat_map(char::to_lowercase).filter(|c| Class::of(*c) != Class::Mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        analyzer().token_stream(text).process(&mut |token| found.push(token.text.clone()));
        found
    }

    #[test]
    fn words_lose_case_accents_and_punctuation() {
        assert_eq!(tokens("Crème BRÛLÉE, Straße!"), ["creme", "brulee", "strasse"]);
        assert_eq!(tokens("cafe\u{301}s İzmir"), ["cafes", "izmir"]);
        assert_eq!(tokens("  ... — 🎉 "), [] as [&str; 0]);
    }

    #[test]
    fn codes_are_kept_whole_and_in_parts() {
        assert_eq!(tokens("AB-1234"), ["ab1234", "ab", "1234"]);
        assert_eq!(tokens("iphone15 mp3 4k"), ["iphone15", "iphone", "15", "mp3", "4k"]);
        assert_eq!(tokens("women's"), ["womens", "women", "s"]);
    }

    #[test]
    fn scripts_without_spaces_give_a_word_per_character() {
        assert_eq!(tokens("東京 tower"), ["東", "京", "tower"]);
    }

    #[test]
    fn a_query_has_each_word_once_and_not_too_many() {
        assert_eq!(words("mug Mug  T-shirt", 10).len(), 2);
        assert_eq!(words("a b c d", 3).len(), 3);
        assert_eq!(words("東".repeat(100).as_str(), 3)[0].parts.len(), 6);
        assert_eq!(words("x-y a-b c-d e", 2).len(), 2);
    }

    #[test]
    fn sort_keys_ignore_case_and_accents() {
        assert_eq!(folded("Éclair au Café"), "eclair au cafe");
    }
}
