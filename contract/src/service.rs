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
macro_rules! service {
    (
        $(#[doc = $about:literal])+
        pub trait $name:ident as $service:literal, error $error:ty {
            $(
                $(#[doc = $text:literal])+
                async fn $method:ident($request:ty) -> $response:ty;
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
                    let answer = self.call.call(cx, $service, stringify!($method), body).await?;
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

pub(crate) use service;
