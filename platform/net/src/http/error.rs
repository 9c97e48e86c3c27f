shoal_types::errors! {
    /// What can be wrong with a request before any service sees it.
    pub enum HttpError {
        /// The body is not valid JSON: cut off, mistyped, nested deeper than 32 levels, or with the same key twice
        /// in one object. `line` and `column` say where reading stopped, counted from 1. Nothing was changed.
        MalformedBody { line: usize, column: usize, reason: String } => (Malformed, "malformed_body",
            "the body is not valid JSON at line {line}, column {column}: {reason}"),
        /// The request could not be read. Check its parameters and headers against `/openapi.json`.
        MalformedRequest {} => (Malformed, "malformed_request", "the request could not be read"),
        /// The body ended before it was complete, or the connection broke. Nothing was changed. Send it again.
        TruncatedBody {} => (Malformed, "truncated_body", "the body ended before it was complete"),
        /// The body is larger than this route takes. Nothing was changed. Send less at a time.
        BodyTooLarge { max_bytes: u64 } => (Malformed, "body_too_large", "the body is larger than {max_bytes} bytes"),
        /// The body is not declared as JSON. Send it with `Content-Type: application/json`.
        UnsupportedMediaType {} => (Malformed, "unsupported_media_type",
            "send the body as JSON with Content-Type: application/json"),
        /// The path exists, but not with this method. The `Allow` header lists the methods it has.
        MethodNotAllowed {} => (Malformed, "method_not_allowed", "this path does not take this method"),
        /// No route has this path. The routes are listed at `/openapi.json`.
        RouteNotFound {} => (NotFound, "route_not_found", "there is no such path"),
        /// The path holds an id that nothing can have. Check where it was taken from.
        NotFound {} => (NotFound, "not_found", "there is no such thing"),
        /// Path and query are longer than 8 KiB. Ask for less at a time.
        UriTooLong {} => (Malformed, "uri_too_long", "path and query are longer than 8 KiB"),
        /// Too many requests of this class came from this caller or address. Wait for the seconds given in
        /// `Retry-After`, then go on more slowly.
        RateLimited { class: String, retry_after_s: u64 } => (Limited, "rate_limited",
            "too many requests of the class {class}; try again in {retry_after_s} s"),
        /// Requests that change something need an `Idempotency-Key` header, so that a repeat after a lost answer
        /// changes nothing twice. Make a new random one per request and send the same one when you repeat it.
        IdempotencyKeyMissing {} => (Malformed, "idempotency_key_missing", "send an Idempotency-Key header"),
        /// The `Idempotency-Key` header must come once, with 1 to 255 visible ASCII characters.
        IdempotencyKeyInvalid {} => (Malformed, "idempotency_key_invalid",
            "the Idempotency-Key must be one header of 1 to 255 visible ASCII characters"),
        /// This change needs the version it is based on. Read the resource and send its `ETag` as `If-Match`.
        IfMatchMissing {} => (Malformed, "if_match_missing", "send the ETag you read as an If-Match header"),
        /// The `If-Match` header must hold one strong ETag exactly as it was read, such as `"v7"`.
        IfMatchInvalid {} => (Malformed, "if_match_invalid",
            "the If-Match header must hold one ETag as it was read, such as \"v7\""),
    }
}
