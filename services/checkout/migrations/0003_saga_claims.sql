-- A saga is kept under what claims it: the buyer's key, hashed to an id; a saga without a key claims its own id. So a
-- repeat or a race meets the primary key, also where rows are spread over machines, and no second unique rule is
-- needed. The rows of before are carried over when the house opens; their table goes a release later.
drop index sagas_key;
drop index sagas_unfinished;
alter table sagas rename to earlier_sagas;

-- Every saga, finished or not. `epoch` fences: whoever takes a saga over raises it, and writes of the one before fail.
create table sagas (
  -- UUIDv8 of the SHA-256 of caller and idempotency key; `saga_id` where there is none.
  claim_id uuid not null,
  -- A key is free again after a failure that may pass: the next saga under it is the next attempt, from 0.
  attempt bigint not null,
  saga_id uuid not null,
  kind text not null,
  -- SHA-256 of the request.
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
  constraint saga_claims_pk primary key (claim_id, attempt),
  constraint sagas_done check (done in (0, 1))
);

-- Finds a saga for its buyer and for the provider's reports. Ids are random, so it need not be unique.
create index sagas_by_id on sagas (saga_id);

create index sagas_due on sagas (wake_at) where done = 0;
