shoal_sql::statements! {
    pub(crate) mod sql {
        APPEND = "insert into outbox (aggregate, sequence, event_id, kind, subject, at, data) values {rows:7}";
        UNPUBLISHED = "select aggregate, sequence, event_id, kind, subject, at, data
            from outbox where published = 0 order by aggregate, sequence limit $1";
        PUBLISH = "update outbox set published = 1 from (values {rows:uuid,bigint}) as d
            where aggregate = d.column1 and sequence = d.column2";
        PUBLISHED = include_str!("store/published.sql");
        WAITING = "select count(*), min(at) from
            (select at from outbox where published = 0 order by at limit 100000) as waiting";
        TELL_HERE = "update outbox set published = 2 from (values {rows:uuid,bigint}) as d
            where aggregate = d.column1 and sequence = d.column2";
        TOLD_HERE = "select aggregate, sequence, event_id, kind, subject, at, data
            from outbox where published = 2 order by aggregate, sequence limit $1";
        WAITING_TOLD_HERE = "select count(*), min(at) from
            (select at from outbox where published in (0, 2) order by at limit 100000) as waiting";
        HEARD = "select 1 from inbox where aggregate = $1 and consumer = $2 and event_id = $3";
        RECEIVE = "insert into inbox (aggregate, consumer, event_id, at) values {rows:4}
            on conflict (aggregate, consumer, event_id) do nothing returning event_id";
        CLAIM_KEY = "insert into idempotency_keys (key_hash, fingerprint, created_at)
            values ($1, $2, $3) on conflict (key_hash) do nothing";
        FIND_ANSWER = "select fingerprint, answer from idempotency_keys where key_hash = $1";
        STORE_ANSWER = "update idempotency_keys set answer = $2 where key_hash = $1";
        ADD_DEAD_LETTERS = include_str!("store/add_dead_letters.sql");
        LIST_DEAD_LETTERS = include_str!("store/list_dead_letters.sql");
        REMOVE_DEAD_LETTERS = "delete from dead_letters
            where (aggregate, sequence, consumer) in (values {rows:uuid,bigint,text})";
        EXPIRE_KEYS = "delete from idempotency_keys where key_hash in
            (select key_hash from idempotency_keys where created_at < $1 order by created_at limit $2)";
        EXPIRE_INBOX = "delete from inbox where (aggregate, consumer, event_id) in
            (select aggregate, consumer, event_id from inbox where at < $1 order by at limit $2)";
        EXPIRE_OUTBOX = include_str!("store/expire_outbox.sql");
    }
}
