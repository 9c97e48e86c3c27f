-- Programs outside that are sent what happens. The secrets are here as they are: each message is signed with them.
create table webhook_endpoints (
  endpoint_id uuid not null,
  url text not null,
  description text,
  -- The types of event that are asked for: JSON.
  events text not null,
  enabled smallint not null,
  disabled_reason text,
  disabled_at bigint,
  -- Since when every attempt has failed.
  failing_since bigint,
  -- It is left alone until then.
  rest_until bigint not null,
  secret text not null,
  -- Signs too, until then.
  old_secret text,
  old_secret_until bigint,
  version bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  constraint webhook_endpoints_pk primary key (endpoint_id),
  constraint webhook_endpoints_enabled check (enabled in (0, 1)),
  constraint webhook_endpoints_disabled_reason check (disabled_reason in ('requested', 'gone', 'failing'))
);

-- How many endpoints there are, so that there are never too many.
create table webhook_totals (
  name text not null,
  total bigint not null,
  constraint webhook_totals_pk primary key (name),
  constraint webhook_totals_not_negative check (total >= 0)
);
insert into webhook_totals (name, total) values ('endpoints', 0);

-- Events on their way to endpoints, and what became of them: one for each endpoint and event, whose bits its id has.
create table webhook_deliveries (
  endpoint_id uuid not null,
  delivery_id uuid not null,
  kind text not null,
  -- What is sent, to the byte.
  body text not null,
  state text not null,
  -- Attempts ever, and those since it was last to be sent.
  attempts bigint not null,
  tries bigint not null,
  -- Nobody touches it before. Whoever takes it to send it moves this on, so that it is another's again if they die.
  due_at bigint not null,
  -- Fences: whoever takes it raises it, and the writes of the one before fail.
  epoch bigint not null,
  created_at bigint not null,
  ended_at bigint,
  constraint webhook_deliveries_pk primary key (endpoint_id, delivery_id),
  constraint webhook_deliveries_state check (state in ('pending', 'delivered', 'failed'))
);

create index webhook_deliveries_due on webhook_deliveries (endpoint_id, due_at) where state = 'pending';

create index webhook_deliveries_oldest on webhook_deliveries (created_at, endpoint_id, delivery_id);

-- What came of each request.
create table webhook_attempts (
  endpoint_id uuid not null,
  delivery_id uuid not null,
  number bigint not null,
  at bigint not null,
  duration_ms bigint not null,
  status bigint,
  error text,
  answer text not null,
  constraint webhook_attempts_pk primary key (endpoint_id, delivery_id, number)
);
