use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use shoal_types::Fault;

use crate::http::{HttpError, Problem};

/// Objects and arrays within each other.
const DEPTH_MAX: usize = 32;

/// Checks what holds for any body, whatever type it is read into: it is one JSON value, not too deep, no key comes
/// twice in an object (serde would silently take the last) and no text holds the character NUL (PostgreSQL cannot
/// store it).
pub(super) fn check(body: &[u8]) -> Result<(), Problem> {
    let mut found = None;
    let mut json = serde_json::Deserializer::from_slice(body);
    let error = match (Shape { depth: 0, found: &mut found }).deserialize(&mut json).and_then(|()| json.end())
    {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    let reason = match found {
        Some(Found::Nul(path)) => {
            return Err(Fault::invalid(path, "nul", "must not contain the character NUL").into());
        }
        Some(Found::Twice(path)) => format!("the key {path} comes twice"),
        Some(Found::TooDeep) => format!("nested deeper than {DEPTH_MAX} levels"),
        None if error.is_eof() => "it ends too early".to_owned(),
        None => error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
    };
    Err(HttpError::MalformedBody { line: error.line(), column: error.column(), reason }.into())
}

/// What is wrong; paths grow from the inside out while the error returns.
enum Found {
    Nul(String),
    Twice(String),
    TooDeep,
}

impl Found {
    fn within(&mut self, outer: &str) {
        if let Self::Nul(path) | Self::Twice(path) = self {
            let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
            path.insert_str(0, dot);
            path.insert_str(0, outer);
        }
    }
}

struct Shape<'f> {
    depth: usize,
    found: &'f mut Option<Found>,
}

impl Shape<'_> {
    fn deeper<E: Error>(&mut self) -> Result<usize, E> {
        if self.depth == DEPTH_MAX {
            return Err(self.refuse(Found::TooDeep));
        }
        Ok(self.depth + 1)
    }

    fn refuse<E: Error>(&mut self, what: Found) -> E {
        *self.found = Some(what);
        E::custom("refused")
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        if text.contains('\0') { Err(self.refuse(Found::Nul(String::new()))) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        for index in 0_usize.. {
            match seq.next_element_seed(Shape { depth, found: &mut *self.found }) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    self.found.iter_mut().for_each(|found| found.within(&format!("[{index}]")));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let mut keys: Vec<Cow<'de, str>> = Vec::new();
        while let Some(key) = map.next_key_seed(Key)? {
            self.text(&key)?;
            if let Err(error) = map.next_value_seed(Shape { depth, found: &mut *self.found }) {
                self.found.iter_mut().for_each(|found| found.within(&key));
                return Err(error);
            }
            keys.push(key);
        }
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(self.refuse(Found::Twice(pair[0].to_string()))),
            None => Ok(()),
        }
    }
}

/// A key, borrowed from the body where it has no escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
