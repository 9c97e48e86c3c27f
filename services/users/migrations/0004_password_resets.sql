-- A row without a hash says that somebody asked for a mail; one with a hash is a token that was mailed, good for one new
-- password.
create table password_resets (
  user_id uuid not null,
  id uuid not null,
  token_hash bytea,
  created_at bigint not null,
  expires_at bigint not null,
  constraint password_resets_pk primary key (user_id, id)
);
create index password_resets_expires_at on password_resets (expires_at);
