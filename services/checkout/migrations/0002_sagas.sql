-- Every saga, finished or not. `epoch` fences: whoever takes a saga over raises it, and writes of the one before fail.
create table sagas (
  saga_id uuid not null,
  kind text not null,
  -- SHA-256 of caller and idempotency key; null once the key is free again.
  key_hash bytea,
  fingerprint bytea,
  owner uuid not null,
  epoch bigint not null,
  -- Nobody but the owner touches the saga before this instant.
  wake_at bigint not null,
  done smallint not null,
  input text not null,
  quote text,
  stage text not null,
  created_at bigint not null,
  updated_at bigint not null,
  constraint sagas_pk primary key (saga_id),
  constraint sagas_done check (done in (0, 1))
);

create unique index sagas_key on sagas (key_hash);

create index sagas_unfinished on sagas (wake_at) where done = 0;

-- What providers reported: each event counts once.
create table notices (
  provider text not null,
  event_id text not null,
  at bigint not null,
  constraint notices_pk primary key (provider, event_id)
);
