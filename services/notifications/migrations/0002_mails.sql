-- Mails to be sent and what became of them, one for each event that asks for one: its id has the event's bits. Neither
-- text nor address is here: both are asked for when a mail is made.
create table mails (
  mail_id uuid not null,
  kind text not null,
  -- The id of an order or a user.
  about text not null,
  -- What the event says beyond that: which parcel, how much money. JSON.
  detail text not null,
  state text not null,
  tries bigint not null,
  resent bigint not null,
  -- Nobody touches it before. Whoever takes it to send it moves this on, so that it is another's again if they die.
  due_at bigint not null,
  -- Who is sending it.
  owner uuid,
  -- Nobody tries it any more after this.
  expires_at bigint not null,
  code text,
  created_at bigint not null,
  updated_at bigint not null,
  constraint mails_pk primary key (mail_id),
  constraint mails_state check (state in ('pending', 'sent', 'failed', 'dropped'))
);

create index mails_due on mails (due_at) where state = 'pending';

create index mails_newest on mails (created_at, mail_id);

create index mails_newest_of_state on mails (state, created_at, mail_id);
