-- Accounts. A closed one keeps its id and nothing personal: `email` is null and `deleted_at` is set.
create table users (
  id uuid not null,
  email text,
  name text not null,
  phone text,
  role text not null,
  accepts_marketing smallint not null,
  tags text not null,
  password_hash text,
  version bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  deleted_at bigint,
  primary key (id),
  constraint users_role check (role in ('customer', 'staff', 'administrator'))
);
create index users_newest on users (created_at, id) where deleted_at is null;
create index users_newest_of_role on users (role, created_at, id) where deleted_at is null;

-- Who claimed an e-mail first has it.
create table emails (
  email text not null,
  user_id uuid not null,
  primary key (email)
);

-- How many hold a role of which one holder must stay.
create table role_holders (
  role text not null,
  holders bigint not null,
  primary key (role),
  constraint role_holders_not_negative check (holders >= 0)
);
insert into role_holders (role, holders) values ('administrator', 0);

create table sessions (
  user_id uuid not null,
  id uuid not null,
  token_hash bytea not null,
  created_at bigint not null,
  rotated_at bigint not null,
  expires_at bigint not null,
  primary key (user_id, id)
);
create index sessions_expires_at on sessions (expires_at);

-- `place` keeps the order in which a user added them.
create table addresses (
  user_id uuid not null,
  id uuid not null,
  place bigint not null,
  is_default smallint not null,
  name text not null,
  line1 text not null,
  line2 text,
  city text not null,
  postal_code text,
  region text,
  country text not null,
  phone text,
  primary key (user_id, id)
);
create unique index addresses_one_default on addresses (user_id) where is_default = 1;
