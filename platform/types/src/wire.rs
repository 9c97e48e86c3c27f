//! The seam between a caller and a service that may be elsewhere: bytes in, bytes out. `contract` makes typed
//! clients and dispatchers over these two traits; `net` carries the bytes.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Context, Fault};

/// Carries calls to a service elsewhere.
#[async_trait]
pub trait Call: Send + Sync + 'static {
    /// Sends `body` to `method` of `service` and waits for the answer, at most until the context's deadline.
    ///
    /// The answer is the encoded `Result` of the method. The outcome is unknown after an error: callers repeat
    /// only what is idempotent. If the call is, as `idempotent` says, an implementation may repeat it by itself.
    ///
    /// # Errors
    /// `Unavailable` if the service cannot be reached, `DeadlineExceeded` if time ran out.
    async fn call(
        &self,
        cx: &Context,
        service: &'static str,
        method: &'static str,
        body: Bytes,
        idempotent: bool,
    ) -> Result<Bytes, Fault>;
}

/// Answers calls from elsewhere.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// The service answered for.
    fn service(&self) -> &'static str;

    /// Decodes `body`, calls `method` and encodes its `Result`.
    ///
    /// # Errors
    /// `Invalid` for an unknown method or a body that cannot be decoded: the other side is of another version.
    async fn dispatch(&self, cx: &Context, method: &str, body: Bytes) -> Result<Bytes, Fault>;
}
