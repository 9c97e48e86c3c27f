use std::time::Duration;

use http::HeaderValue;
use http::header::{COOKIE, HeaderMap, SET_COOKIE};

/// What a browser is asked to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The token of a login.
    Session,
    /// A guest's cart.
    Cart,
    /// The checkout under way.
    Checkout,
    /// The tokens by which a guest sees their last orders.
    Orders,
}

impl Cookie {
    const fn name(self) -> &'static str {
        match self {
            Self::Session => "shop_session",
            Self::Cart => "shop_cart",
            Self::Checkout => "shop_checkout",
            Self::Orders => "shop_orders",
        }
    }

    /// The value the browser sent, if any; the first counts.
    pub(crate) fn read(self, headers: &HeaderMap) -> Option<String> {
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.name()).map(|(_, value)| value.to_owned())
    }

    /// Asks the browser to keep `value` for `life`: hidden from scripts, and sent along from other sites only when
    /// somebody follows a link to the shop. Values that a cookie cannot hold are not kept.
    pub(crate) fn keep(self, headers: &mut HeaderMap, value: &str, life: Duration, secure: bool) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        if value.bytes().all(plain) {
            self.write(headers, value, &format!("Max-Age={}", life.as_secs()), secure);
        }
    }

    /// Asks the browser to forget it.
    pub(crate) fn forget(self, headers: &mut HeaderMap, secure: bool) {
        // Some clients heed only one of the two.
        self.write(headers, "", "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT", secure);
    }

    fn write(self, headers: &mut HeaderMap, value: &str, life: &str, secure: bool) {
        let (name, secure) = (self.name(), if secure { "; Secure" } else { "" });
        let text = format!("{name}={value}; Path=/; {life}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(header) = HeaderValue::try_from(text) {
            headers.append(SET_COOKIE, header);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; xshop_cart=no; shop_cart=cart_1; shop_cart=2"));
        headers.append(COOKIE, HeaderValue::from_static("shop_session=s=="));
        assert_eq!(Cookie::Cart.read(&headers).as_deref(), Some("cart_1"));
        assert_eq!(Cookie::Session.read(&headers).as_deref(), Some("s=="));
        assert_eq!(Cookie::Orders.read(&headers), None);
    }

    #[test]
    fn what_is_kept_is_hidden_from_scripts_and_secret_on_the_way() {
        let mut headers = HeaderMap::new();
        Cookie::Session.keep(&mut headers, "t-1_x", Duration::from_secs(60), true);
        assert_eq!(
            headers[SET_COOKIE],
            "shop_session=t-1_x; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
        );
        let mut headers = HeaderMap::new();
        Cookie::Session.forget(&mut headers, false);
        let header = headers[SET_COOKIE].to_str().expect("text");
        assert!(header.starts_with("shop_session=; Path=/; Max-Age=0;"), "{header}");
    }

    #[test]
    fn a_value_cannot_smuggle_attributes() {
        let mut headers = HeaderMap::new();
        Cookie::Cart.keep(&mut headers, "x; Domain=evil.example", Duration::from_secs(60), false);
        assert!(headers.is_empty());
    }
}
