//! Addresses with their parameters.

use form_urlencoded::Serializer;
use shoal_types::Cursor;

/// `path` with those parameters that have a value.
pub(crate) fn link<'p>(path: &str, parameters: impl IntoIterator<Item = (&'p str, &'p str)>) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in parameters.into_iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// `next` if it is a page of this shop, else `otherwise`: nobody is led away by a link that was made for them.
pub(crate) fn own_page<'n>(next: &'n str, otherwise: &'n str) -> &'n str {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    let own = next.starts_with('/') && !next.starts_with("//") && next.bytes().all(plain);
    if own { next } else { otherwise }
}

/// A cursor as it stands in an address.
pub(crate) fn cursor_text(cursor: &Cursor) -> String {
    match serde_json::to_value(cursor) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

/// Reads what [`cursor_text`] wrote; what it did not is refused by the list it is sent to.
pub(crate) fn read_cursor(text: &str) -> Option<Cursor> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_with_a_value_are_written() {
        assert_eq!(link("/search", [("q", "a & b"), ("sort", "")]), "/search?q=a+%26+b");
        assert_eq!(link("/search", [("q", "")]), "/search");
    }

    #[test]
    fn nobody_is_led_away() {
        assert_eq!(own_page("/checkout", "/"), "/checkout");
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "javascript:x"]
        {
            assert_eq!(own_page(bad, "/account"), "/account", "{bad}");
        }
    }
}
