shoal_types::errors! {
    /// Why events do not travel by the queue.
    pub enum QueueError {
        /// The queue's address is not one. It is `in-process`, or `nats://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]..]`, or the
        /// same with `tls://`. A password with `@`, `:`, `/` or `%` in it is percent-encoded.
        AddressInvalid { reason: String } => (Invalid, "queue_address_invalid", "the queue's address is not valid: {reason}"),
        /// The name of the shop at the queue is part of names there: 1 to 32 lowercase letters, digits, hyphens or underscores.
        NameInvalid { name: String } => (Invalid, "queue_name_invalid",
            "a shop cannot be named {name} at the queue: use 1 to 32 lowercase letters, digits, hyphens or underscores"),
        /// The file of credentials or of certificates cannot be read, or is none. Credentials are a `.creds` file as `nsc`
        /// writes it, or a file with the seed of an nkey; certificates are PEM.
        FileUnreadable { path: String, reason: String } => (Invalid, "queue_file_unreadable", "cannot use {path}: {reason}"),
        /// No server of the queue answers. The node runs meanwhile: events wait in the outboxes and are carried when one is
        /// back. Look whether the servers run and whether this machine reaches them.
        Away { servers: String, reason: String } => (Unavailable, "queue_away", "no queue at {servers}: {reason}"),
        /// The server does not take the user, the password, the token or the key, or they may not do what is needed: publish
        /// and subscribe to `shoal.>`, `$JS.API.>`, `$JS.ACK.>`, `$KV.>` and `_INBOX.>`.
        Denied { servers: String } => (Forbidden, "queue_denied", "the queue at {servers} does not accept the credentials"),
        /// The server's certificate is not trusted, or it speaks no TLS where `tls://` asks for it. Name the certificate of
        /// its authority in `queue.ca`, and the server by a name that stands in its certificate.
        NotTrusted { servers: String, reason: String } => (Forbidden, "queue_not_trusted",
            "cannot make a safe connection to the queue at {servers}: {reason}"),
        /// The servers run without JetStream, or the account may not use it. Start them with `-js`, or enable it for the account.
        NoJetStream { servers: String } => (Conflict, "queue_without_jetstream", "the queue at {servers} has no JetStream"),
        /// More replicas are asked for in `queue.replicas` than there are servers to hold them. A cluster of three holds three.
        TooFewServers { replicas: usize } => (Conflict, "queue_too_few_servers",
            "the queue cannot keep {replicas} replicas: it has too few servers"),
        /// The stream is there with settings that cannot be changed into those wanted, such as another storage. Remove it, and
        /// it is made anew and filled from the outboxes; or choose another `queue.name`.
        StreamDiffers { stream: String, reason: String } => (Conflict, "queue_stream_differs",
            "the stream {stream} cannot be given the configured settings: {reason}"),
        /// The queue does not take an event, for example because its disk or the account is full. Events wait in the outboxes.
        Refused { reason: String } => (Full, "queue_refused", "the queue takes no events: {reason}"),
    }
}
