use serde::{Deserialize, Serialize};

/// The kinds of error. `net` alone knows which HTTP status each becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The request could not be read at all.
    Malformed,
    /// The request was read, but a value in it is not acceptable.
    Invalid,
    /// Nobody is logged in, or the token is not valid any more.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// The thing does not exist, or the caller may not know that it does.
    NotFound,
    /// The present state does not allow it.
    Conflict,
    /// The thing was changed since the caller read it.
    Stale,
    /// The payment was refused.
    PaymentRefused,
    /// Too many requests.
    Limited,
    /// Something needed is away for now; a repeat with the same key is safe.
    Unavailable,
    /// Time ran out; the outcome may be unknown, a repeat with the same key is safe.
    Timeout,
    /// There is no room left to write to.
    Full,
    /// A mistake of ours.
    Internal,
}

impl Kind {
    /// Whether the same request, sent again later with the same key, may succeed.
    pub const fn retry_may_help(self) -> bool {
        matches!(self, Self::Limited | Self::Unavailable | Self::Timeout | Self::Full | Self::Internal)
    }
}

/// One unacceptable value in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Violation {
    /// Where: `lines[2].quantity`.
    pub field: String,
    /// A stable word for programs: `too_long`, `unknown_field`.
    pub rule: String,
    /// A sentence for people.
    pub message: String,
}

/// The page of one error code in `docs/errors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorPage {
    /// The stable code.
    pub code: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The message, with its data in braces.
    pub message: &'static str,
    /// What it means and what to do, a line each.
    pub text: &'static [&'static str],
}

/// What every error enum of Shoal answers; made by [`errors!`](crate::errors).
pub trait Fact: std::error::Error + Send + Sync + 'static {
    /// The stable code, the name of a page in `docs/errors`.
    fn code(&self) -> &'static str;
    /// The kind.
    fn kind(&self) -> Kind;
    /// The unacceptable values, if that is what it is about.
    fn violations(&self) -> &[Violation];
}

/// Declares an error enum: facts with their data, a stable code, a kind and a message each.
///
/// A variant's doc comment becomes its page in `docs/errors`: say what happened and what to do about it.
/// The message may name the variant's fields in braces. Every enum but [`Fault`] ends with a `Fault` variant,
/// added by the macro, so that `?` carries the errors any service can have; `includes { Stock(stock::Error) }` after
/// the enum carries another service's errors in the same way, whole and typed.
///
/// ```
/// shoal_types::errors! {
///     /// What can go wrong among fish.
///     pub enum Error {
///         /// The pond is empty. Stock it before fishing.
///         NoFish { pond: String } => (NotFound, "no_fish", "no fish in {pond}"),
///     }
/// }
/// use shoal_types::Fact;
/// let error = Error::NoFish { pond: "the mill pond".into() };
/// assert_eq!((error.code(), error.to_string().as_str()), ("no_fish", "no fish in the mill pond"));
/// ```
#[macro_export]
macro_rules! errors {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident { $($variants:tt)* }
        $(includes { $($(#[doc = $inner_text:literal])+ $inner:ident($inner_type:ty)),+ $(,)? })?
    ) => {
        $crate::error_enum! {
            $(#[doc = $about])+
            $vis enum $name { $($variants)* }
            /// An error any service can have.
            Fault($crate::Fault)
            $($($(#[doc = $inner_text])+ $inner($inner_type))+)?
        }

        $($(
            impl From<$inner_type> for $name {
                fn from(error: $inner_type) -> Self {
                    Self::$inner(error)
                }
            }
        )+)?

        impl From<$crate::Fault> for $name {
            fn from(fault: $crate::Fault) -> Self {
                Self::Fault(fault)
            }
        }
    };
}

/// The common part of [`errors!`] and [`Fault`].
#[doc(hidden)]
#[macro_export]
macro_rules! error_enum {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident {
            $(
                $(#[doc = $text:literal])+
                $variant:ident { $($field:ident: $type:ty),* $(,)? } => ($kind:ident, $code:literal, $message:literal)
            ),+ $(,)?
        }
        $($(#[doc = $inner_text:literal])+ $inner:ident($inner_type:ty))*
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]
        #[allow(missing_docs, reason = "fields are named in the message of their variant")]
        $vis enum $name {
            $($(#[doc = $text])+ $variant { $($field: $type),* },)+
            $($(#[doc = $inner_text])+ $inner($inner_type),)*
        }

        impl $name {
            /// A page for each code, for `docs/errors`.
            $vis const PAGES: &'static [$crate::ErrorPage] = &[
                $($crate::ErrorPage {
                    code: $code,
                    kind: $crate::Kind::$kind,
                    message: $message,
                    text: &[$($text),+],
                },)+
            ];
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(Self::$variant { $($field),* } => { $(let _ = $field;)* write!(f, $message) })+
                    $(Self::$inner(inner) => <$inner_type as ::std::fmt::Display>::fmt(inner, f),)*
                }
            }
        }

        impl ::std::error::Error for $name {}

        impl $crate::Fact for $name {
            fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)+
                    $(Self::$inner(inner) => <$inner_type as $crate::Fact>::code(inner),)*
                }
            }

            fn kind(&self) -> $crate::Kind {
                match self {
                    $(Self::$variant { .. } => $crate::Kind::$kind,)+
                    $(Self::$inner(inner) => <$inner_type as $crate::Fact>::kind(inner),)*
                }
            }

            fn violations(&self) -> &[$crate::Violation] {
                $crate::error_enum!(@violations self, $name $(, $inner)*)
            }
        }
    };
    (@violations $self:ident, $name:ident $(, $inner:ident)+) => {
        match $self { $(Self::$inner(inner) => $crate::Fact::violations(inner),)+ _ => &[] }
    };
    (@violations $self:ident, $name:ident) => {
        match $self { Self::Invalid { violations } => violations, _ => &[] }
    };
}

crate::error_enum! {
    /// The errors any service can have.
    pub enum Fault {
        /// One or more values of the request are not acceptable. `violations` names each field, the rule it breaks
        /// and a sentence. Nothing was changed. Correct the request.
        Invalid { violations: Vec<Violation> } => (Invalid, "invalid_request", "the request has unacceptable values"),
        /// The request needs a login, or its token has expired or was revoked. Log in again.
        Unauthenticated {} => (Unauthenticated, "unauthenticated", "log in first: no valid token was sent"),
        /// The caller is known but may not do this. Ask an administrator for the role.
        Forbidden {} => (Forbidden, "forbidden", "you may not do this"),
        /// The `Idempotency-Key` was used before with another request. Nothing was changed. Use a new key for a new
        /// request; send the same body to repeat the first.
        IdempotencyKeyReused {} => (Invalid, "idempotency_key_reused", "this Idempotency-Key was used with another request"),
        /// Time ran out before the answer. A change may or may not have happened: repeat with the same
        /// `Idempotency-Key` to learn which.
        DeadlineExceeded {} => (Timeout, "deadline_exceeded", "time ran out before the answer"),
        /// A part of the system cannot be reached. Nothing is lost; repeat with the same `Idempotency-Key`.
        Unavailable { what: String } => (Unavailable, "unavailable", "{what} cannot be reached for now"),
        /// More work is waiting than the node takes on. Repeat after a moment with the same `Idempotency-Key`.
        Overloaded {} => (Unavailable, "overloaded", "too much work is waiting; try again in a moment"),
        /// The disk is full. What was acknowledged is safe; reads go on. Free some space: writes work again at once.
        StorageFull {} => (Full, "storage_full", "the data directory has no room left"),
        /// The data directory or its file system is read-only. What was acknowledged is safe; reads go on.
        /// Make the directory writable for the user Shoal runs as.
        StorageReadOnly {} => (Unavailable, "storage_read_only", "the data directory cannot be written to"),
        /// A mistake in Shoal. The log has the cause under the request id; please report it.
        Internal {} => (Internal, "internal", "something went wrong on our side"),
    }
}

impl Fault {
    /// A fault about one value.
    pub fn invalid(field: impl Into<String>, rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid {
            violations: vec![Violation { field: field.into(), rule: rule.into(), message: message.into() }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::errors! {
        /// For the test.
        enum Error {
            /// Too little.
            StockTooLow { sku: String, available: i64 } => (Conflict, "stock_too_low", "only {available} of {sku} left"),
        }
    }

    #[test]
    fn an_error_crosses_the_wire_whole() {
        for error in [
            Error::StockTooLow { sku: "MUG".into(), available: 1 },
            Error::Fault(Fault::invalid("lines[0].quantity", "range", "must be at least 1")),
        ] {
            let text = serde_json::to_string(&error).expect("serialises");
            assert_eq!(serde_json::from_str::<Error>(&text).expect("deserialises"), error);
        }
    }

    #[test]
    fn a_fault_speaks_through_the_house_error() {
        let error = Error::from(Fault::invalid("email", "format", "no address"));
        assert_eq!(
            (error.code(), error.kind(), error.violations().len()),
            ("invalid_request", Kind::Invalid, 1)
        );
        assert_eq!(Error::PAGES[0].text, [" Too little."]);
    }
}
