-- What every house needs to say things once and to hear them once.

-- What happened, written in the commit of the change. `sequence` is the aggregate's version after it.
create table outbox (
  aggregate uuid not null,
  sequence bigint not null,
  event_id uuid not null,
  kind text not null,
  subject text not null,
  at bigint not null,
  data text not null,
  published smallint not null default 0,
  primary key (aggregate, sequence)
);
create index outbox_unpublished on outbox (aggregate, sequence) where published = 0;
create index outbox_published on outbox (at) where published = 1;

-- What a consumer has heard.
create table inbox (
  aggregate uuid not null,
  consumer text not null,
  event_id uuid not null,
  at bigint not null,
  primary key (aggregate, consumer, event_id)
);
create index inbox_at on inbox (at);

-- Answers to requests that came with a key. `answer` is null only within the transaction that makes it.
create table idempotency_keys (
  key_hash bytea not null,
  fingerprint bytea not null,
  answer text,
  created_at bigint not null,
  primary key (key_hash)
);
create index idempotency_keys_created_at on idempotency_keys (created_at);

-- Events that a consumer refused until its tries were used up. `event` is CloudEvents JSON.
create table dead_letters (
  aggregate uuid not null,
  sequence bigint not null,
  consumer text not null,
  event text not null,
  code text not null,
  message text not null,
  at bigint not null,
  primary key (aggregate, sequence, consumer)
);
