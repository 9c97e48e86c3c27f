-- The book of the built-in test provider: its own file, since a real provider is elsewhere too.
create table payments (
  payment_key text not null,
  status text not null,
  card text not null,
  amount bigint not null,
  currency char(3) not null,
  refunded bigint not null,
  -- Captures tried while it plays dead.
  tries bigint not null,
  created_at bigint not null,
  constraint payments_pk primary key (payment_key),
  constraint payments_refunded check (refunded >= 0 and refunded <= amount)
);

create table refunds (
  payment_key text not null,
  refund_key text not null,
  amount bigint not null,
  constraint refunds_pk primary key (payment_key, refund_key)
);
