use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shoal_types::Fault;

/// Encodes a message as MessagePack with named fields, so that another version can read it.
#[doc(hidden)]
pub fn encode<T: Serialize>(message: &T) -> Result<Bytes, Fault> {
    rmp_serde::to_vec_named(message).map(Bytes::from).map_err(|_| Fault::Internal {})
}

/// Decodes a message; unknown fields are ignored, so that a newer version can write it.
#[doc(hidden)]
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    rmp_serde::from_slice(body).map_err(|error| Fault::invalid("", "undecodable", error.to_string()))
}

/// Declares a service: the trait, `Remote` (a client over any `Call`) and `Local` (a dispatcher for the house).
///
/// Every method takes the context and one message, so that a call looks the same whether it stays or travels.
///
/// A method marked `idempotent;` may be asked again when its answer was lost; one marked `keyed;` if the request has an
/// idempotency key, under which the house does it once. Without a mark a lost answer goes to the caller as an error.
macro_rules! service {
    (
        $(#[doc = $about:literal])+
        pub trait $name:ident as $service:literal, error $error:ty {
            $(
                $(#[doc = $text:literal])+
                async fn $method:ident($request:ty) -> $response:ty; $($repeat:ident;)?
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[async_trait::async_trait]
        pub trait $name: Send + Sync + 'static {
            $(
                $(#[doc = $text])+
                async fn $method(&self, cx: &shoal_types::Context, request: $request) -> Result<$response, $error>;
            )+
        }

        /// The service elsewhere.
        #[derive(Clone)]
        pub struct Remote {
            call: std::sync::Arc<dyn shoal_types::wire::Call>,
        }

        impl Remote {
            /// Sends every call over `call`.
            pub fn new(call: std::sync::Arc<dyn shoal_types::wire::Call>) -> Self {
                Self { call }
            }
        }

        #[async_trait::async_trait]
        impl $name for Remote {
            $(
                async fn $method(&self, cx: &shoal_types::Context, request: $request) -> Result<$response, $error> {
                    let body = $crate::encode(&request)?;
                    let idempotent = $crate::service::repeatable!(cx $($repeat)?);
                    let answer = self.call.call(cx, $service, stringify!($method), body, idempotent).await?;
                    $crate::decode::<Result<$response, $error>>(&answer)?
                }
            )+
        }

        /// The service here, answering calls from elsewhere.
        pub struct Local {
            house: std::sync::Arc<dyn $name>,
        }

        impl Local {
            /// Answers with `house`.
            pub fn new(house: std::sync::Arc<dyn $name>) -> Self {
                Self { house }
            }
        }

        #[async_trait::async_trait]
        impl shoal_types::wire::Dispatch for Local {
            fn service(&self) -> &'static str {
                $service
            }

            async fn dispatch(
                &self,
                cx: &shoal_types::Context,
                method: &str,
                body: bytes::Bytes,
            ) -> Result<bytes::Bytes, shoal_types::Fault> {
                match method {
                    $(stringify!($method) => {
                        let request = $crate::decode::<$request>(&body)?;
                        $crate::encode(&self.house.$method(cx, request).await)
                    })+
                    _ => Err(shoal_types::Fault::invalid("method", "unknown_method", format!("{} has no {method}", $service))),
                }
            }
        }
    };
}

/// Whether a call of a method with such a mark may be repeated.
macro_rules! repeatable {
    ($cx:ident) => {
        false
    };
    ($cx:ident idempotent) => {
        true
    };
    ($cx:ident keyed) => {
        $cx.idempotency.is_some()
    };
}

pub(crate) use {repeatable, service};

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task;

    use async_trait::async_trait;
    use bytes::Bytes;
    use shoal_types::wire::Call;
    use shoal_types::{Context, Env, Fault, Idempotency, Role, Secret};

    use crate::users::{NewUser, Remote, Token, Users};

    /// Notes what it is asked and whether that may be repeated.
    #[derive(Default)]
    struct Notes(Mutex<Vec<(&'static str, bool)>>);

    #[async_trait]
    impl Call for Notes {
        async fn call(
            &self,
            _: &Context,
            _: &'static str,
            method: &'static str,
            _: Bytes,
            idempotent: bool,
        ) -> Result<Bytes, Fault> {
            self.0.lock().expect("not poisoned").push((method, idempotent));
            Err(Fault::Internal {})
        }
    }

    fn asked(future: impl Future<Output = impl Sized>) {
        let polled = pin!(future).poll(&mut task::Context::from_waker(task::Waker::noop()));
        assert!(polled.is_ready(), "nothing here waits");
    }

    #[test]
    fn only_what_is_marked_is_repeated_and_what_is_keyed_only_under_a_key() {
        let notes = Arc::new(Notes::default());
        let users = Remote::new(notes.clone());
        let token = || Token { token: Secret::new("t") };
        let ann = NewUser {
            email: "ann@example.com".into(),
            name: "Ann".into(),
            role: Role::Customer,
            phone: None,
            password: None,
            accepts_marketing: false,
            tags: Vec::new(),
            addresses: Vec::new(),
        };
        let plain = Context::system(&Env::system(), std::time::Duration::from_secs(1));
        let key = Idempotency { key: "k1".into(), fingerprint: [0; 32] };
        for cx in [plain.clone(), Context { idempotency: Some(key), ..plain }] {
            asked(users.authenticate(&cx, token()));
            asked(users.create_user(&cx, ann.clone()));
            asked(users.rotate_session(&cx, token()));
        }
        let expected = [
            ("authenticate", true),
            ("create_user", false),
            ("rotate_session", false),
            ("authenticate", true),
            ("create_user", true),
            ("rotate_session", false),
        ];
        assert_eq!(*notes.0.lock().expect("not poisoned"), expected);
    }
}
