shoal_types::errors! {
    /// What can go wrong in the gateway itself.
    pub enum GatewayError {
        /// The checkout ended without an order: `failure` is the code of the reason. Nothing was bought or charged.
        /// Correct what the reason names and check out again with a new `Idempotency-Key`.
        CheckoutFailed { failure: String, reason: String } => (Conflict, "checkout_failed", "nothing was bought: {reason}"),
    }
}
