//! The statements of a checkout as Shoal's houses have them: one row at a time, and many.

/// A stand-in for a saga's input, for a quote and for the document of an order: as long as Shoal's for one line.
pub(super) const INPUT: &str = include_str!("../input.json");
pub(super) const DOCUMENT: &str = include_str!("../document.json");
/// What an event says to other houses.
pub(super) const DATA: &str = r#"{"customer":null,"number":"S-7K2M-9QXD-4T1B","status":"placed","total":{"amount":1999,"currency":"EUR"}}"#;

/// A statement of one row.
pub(super) mod one {
    pub(crate) const BEGIN_SAGA: &str =
        "insert into checkout.sagas (claim_id, attempt, saga_id, kind, fingerprint,
        owner, epoch, wake_at, done, input, stage, created_at, updated_at)
        values ($1, 0, $2, 'purchase', $3, $2, 1, $4, 0, $5, '\"reserving\"', $6, $6)
        on conflict (claim_id, attempt) do nothing returning claim_id";
    pub(crate) const LOG: &str = "update checkout.sagas
        set stage = $2, quote = coalesce($3, quote), wake_at = $4, updated_at = $5
        where claim_id = $1 and attempt = 0 and epoch = 1 and done = 0 returning claim_id";
    pub(crate) const FINISH: &str =
        "update checkout.sagas set stage = '\"completed\"', done = 1, updated_at = $2
        where claim_id = $1 and attempt = 0 and epoch = 1 and done = 0 returning claim_id";
    pub(crate) const HOLD: &str =
        "insert into products.holds (reservation_id, line, variant_id, quantity, state,
        expires_at, reserved_at, settled_at) values ($1, 0, $2, 1, 'held', $3, $4, null)
        on conflict (reservation_id, line) do nothing";
    pub(crate) const TAKE: &str = "update products.stock set reserved = reserved + 1
        where variant_id = $1 and retired = 0 and on_hand - reserved >= 1 returning variant_id";
    pub(crate) const SETTLE: &str = "update products.holds set state = 'confirmed', settled_at = $2
        where reservation_id = $1 and state = 'held'
        returning reservation_id, line, variant_id, quantity, expires_at, state";
    pub(crate) const SELL: &str = "update products.stock set on_hand = on_hand - 1, reserved = reserved - 1
        where variant_id = $1";
    pub(crate) const AUTHORISE: &str =
        "insert into test_provider.payments (payment_key, status, card, amount,
        currency, refunded, tries, created_at) values ($1, 'authorised', 'tok_success', 1999, 'EUR', 0, 0, $2)
        on conflict (payment_key) do update set tries = payments.tries
        returning payment_key, status, card, amount, currency, refunded";
    pub(crate) const FIND_PAYMENT: &str = "select payment_key, status, card, amount, currency, refunded
        from test_provider.payments where payment_key = $1";
    pub(crate) const CAPTURE: &str = "update test_provider.payments set status = 'captured'
        where payment_key = $1 and status = 'authorised' returning payment_key";
    pub(crate) const ORDER: &str = "insert into orders.orders (order_id, source, number, status, customer_id,
        token_hash, currency, total, paid, refunded, document, version, placed_at, updated_at)
        values ($1, 'web', $2, 'placed', null, $3, 'EUR', 1999, 0, 0, $4, 1, $5, $5)
        on conflict (order_id) do nothing";
    pub(crate) const LINE: &str =
        "insert into orders.order_lines (order_id, line, quantity, fulfilled, returned)
        values ($1, 1, 1, 0, 0)";
    pub(crate) const EVENT: &str =
        "insert into orders.order_events (order_id, sequence, event_id, kind, message,
        data, at, published) values ($1, $2, $3, $4, $5, $6, $7, 0)";
    pub(crate) const PAY: &str = "update orders.orders set status = 'paid', paid = 1999, payment = $2,
        version = version + 1, updated_at = $3 where order_id = $1 and status = 'placed' and total = 1999
        returning order_id, source, number, status, customer_id, token_hash, currency, total, paid, refunded,
        document, version, placed_at, updated_at";

    pub(crate) const ALL: &[&str] = &[
        BEGIN_SAGA,
        LOG,
        FINISH,
        HOLD,
        TAKE,
        SETTLE,
        SELL,
        AUTHORISE,
        FIND_PAYMENT,
        CAPTURE,
        ORDER,
        LINE,
        EVENT,
        PAY,
    ];
}

/// The same for many rows, each column an array.
pub(super) mod many {
    pub(crate) const BEGIN_SAGAS: &str = "insert into checkout.sagas (claim_id, attempt, saga_id, kind,
        fingerprint, owner, epoch, wake_at, done, input, stage, created_at, updated_at)
        select d.claim, 0, d.id, 'purchase', d.hash, d.id, 1, d.at, 0, $5, '\"reserving\"', d.at, d.at
        from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bigint[]) as d (claim, id, hash, at)
        on conflict (claim_id, attempt) do nothing returning claim_id";
    pub(crate) const LOG: &str = "update checkout.sagas as s
        set stage = $3, quote = coalesce($4, s.quote), wake_at = d.at, updated_at = d.at
        from unnest($1::uuid[], $2::bigint[]) as d (claim, at)
        where s.claim_id = d.claim and s.attempt = 0 and s.epoch = 1 and s.done = 0 returning s.claim_id";
    pub(crate) const FINISH: &str = "update checkout.sagas as s set stage = '\"completed\"', done = 1,
        updated_at = d.at from unnest($1::uuid[], $2::bigint[]) as d (claim, at)
        where s.claim_id = d.claim and s.attempt = 0 and s.epoch = 1 and s.done = 0 returning s.claim_id";
    pub(crate) const HOLD: &str =
        "insert into products.holds (reservation_id, line, variant_id, quantity, state,
        expires_at, reserved_at, settled_at) select d.id, 0, d.variant, 1, 'held', d.until, d.at, null
        from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[]) as d (id, variant, until, at)
        on conflict (reservation_id, line) do nothing";
    pub(crate) const TAKE: &str = "update products.stock as s set reserved = s.reserved + d.pieces
        from unnest($1::uuid[], $2::bigint[]) as d (variant, pieces)
        where s.variant_id = d.variant and s.retired = 0 and s.on_hand - s.reserved >= d.pieces
        returning s.variant_id";
    pub(crate) const SETTLE: &str = "update products.holds as h set state = 'confirmed', settled_at = d.at
        from unnest($1::uuid[], $2::bigint[]) as d (id, at)
        where h.reservation_id = d.id and h.state = 'held' returning h.reservation_id";
    pub(crate) const SELL: &str = "update products.stock as s
        set on_hand = s.on_hand - d.pieces, reserved = s.reserved - d.pieces
        from unnest($1::uuid[], $2::bigint[]) as d (variant, pieces) where s.variant_id = d.variant";
    pub(crate) const AUTHORISE: &str =
        "insert into test_provider.payments (payment_key, status, card, amount,
        currency, refunded, tries, created_at)
        select d.key, 'authorised', 'tok_success', 1999, 'EUR', 0, 0, d.at
        from unnest($1::text[], $2::bigint[]) as d (key, at)
        on conflict (payment_key) do update set tries = payments.tries returning payment_key";
    pub(crate) const CAPTURE: &str = "update test_provider.payments as p set status = 'captured'
        from unnest($1::text[]) as d (key) where p.payment_key = d.key and p.status = 'authorised'
        returning p.payment_key";
    pub(crate) const ORDER: &str = "insert into orders.orders (order_id, source, number, status, customer_id,
        token_hash, currency, total, paid, refunded, document, version, placed_at, updated_at)
        select d.id, 'web', d.number, 'placed', null, d.hash, 'EUR', 1999, 0, 0, $5, 1, d.at, d.at
        from unnest($1::uuid[], $2::text[], $3::bytea[], $4::bigint[]) as d (id, number, hash, at)
        on conflict (order_id) do nothing";
    pub(crate) const LINE: &str =
        "insert into orders.order_lines (order_id, line, quantity, fulfilled, returned)
        select d.id, 1, 1, 0, 0 from unnest($1::uuid[]) as d (id)";
    pub(crate) const EVENT: &str =
        "insert into orders.order_events (order_id, sequence, event_id, kind, message,
        data, at, published) select d.id, $4, d.event, $5, $6, $7, d.at, 0
        from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as d (id, event, at)";
    pub(crate) const PAY: &str =
        "update orders.orders as o set status = 'paid', paid = 1999, payment = d.payment,
        version = o.version + 1, updated_at = d.at
        from unnest($1::uuid[], $2::text[], $3::bigint[]) as d (id, payment, at)
        where o.order_id = d.id and o.status = 'placed' and o.total = 1999 returning o.order_id";

    pub(crate) const ALL: &[&str] =
        &[BEGIN_SAGAS, LOG, FINISH, HOLD, TAKE, SETTLE, SELL, AUTHORISE, CAPTURE, ORDER, LINE, EVENT, PAY];
}

/// What the relay asks.
pub(super) mod relay {
    pub(crate) const UNPUBLISHED: &str = "select order_id, sequence, event_id, kind, null, at, data
        from orders.order_events where published = 0 order by order_id, sequence limit 256";
    pub(crate) const PUBLISH: &str = "update orders.order_events as e set published = 1
        from unnest($1::uuid[], $2::bigint[]) as d (id, sequence)
        where e.order_id = d.id and e.sequence = d.sequence";
}
