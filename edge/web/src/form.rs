use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use shoal_types::Kind;

use crate::shop::Shop;
use crate::trouble::Trouble;

/// Names and values, as a browser sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Decodes `a=1&b=2`. Line ends become line feeds, as they are in the shop's texts.
    ///
    /// # Errors
    /// `Malformed` for text that is no UTF-8 or holds the character NUL, which no database keeps.
    fn parse(text: &[u8]) -> Result<Self, Trouble> {
        let pairs = form_urlencoded::parse(text);
        let fields: Vec<_> =
            pairs.map(|(name, value)| (name.into_owned(), value.replace("\r\n", "\n"))).collect();
        let broken = |text: &str| text.contains(['\0', '\u{fffd}']);
        if fields.iter().any(|(name, value)| broken(name) || broken(value)) {
            return Err(Trouble::unreadable());
        }
        Ok(Self(fields))
    }

    /// The value as it came; empty if there is none.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// The value without white space around it; empty if there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// The value, if it is more than white space.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Every value of `name` that is more than white space.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let values = self.0.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.trim());
        values.filter(|value| !value.is_empty())
    }

    /// The fields whose names begin with `prefix`, without it.
    pub(crate) fn beginning<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.trim())))
    }
}

/// A posted form.
pub(crate) struct Form(pub(crate) Fields);

impl FromRequest<Shop> for Form {
    type Rejection = Trouble;

    async fn from_request(request: Request, shop: &Shop) -> Result<Self, Trouble> {
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Trouble::unreadable());
        }
        let body = Bytes::from_request(request, shop).await.map_err(|_| Trouble::unreadable())?;
        Fields::parse(&body).map(Self)
    }
}

/// What a link asks for. Unknown names are ignored: links come from everywhere, with marks of their own.
pub(crate) struct Asked(pub(crate) Fields);

impl FromRequestParts<Shop> for Asked {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut Parts, _: &Shop) -> Result<Self, Trouble> {
        Fields::parse(parts.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }
}

impl Trouble {
    fn unreadable() -> Self {
        Self::new(Kind::Malformed, "malformed_request", "What your browser sent could not be read.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_trimmed() {
        let fields = Fields::parse(b"name=+Ada+%26+Co+&note=a%0D%0Ab&brand=x&brand=&brand=y&q%3AMUG-1=2")
            .expect("readable");
        assert_eq!(fields.text("name"), "Ada & Co");
        assert_eq!(fields.raw("note"), "a\nb");
        assert_eq!(fields.filled("absent"), None);
        assert_eq!(fields.all("brand").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(fields.beginning("q:").collect::<Vec<_>>(), [("MUG-1", "2")]);
    }

    #[test]
    fn what_no_database_keeps_is_refused() {
        assert!(Fields::parse(b"a=%00").is_err());
        assert!(Fields::parse(b"a=%ff").is_err());
    }
}
