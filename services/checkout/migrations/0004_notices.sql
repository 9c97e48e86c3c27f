-- Led by the event, so that a provider's reports are spread over machines.
alter table notices rename to earlier_notices;

-- What providers reported: each event counts once.
create table notices (
  event_id text not null,
  provider text not null,
  at bigint not null,
  constraint notices_by_event_pk primary key (event_id, provider)
);
insert into notices (event_id, provider, at)
select event_id, provider, at from earlier_notices;
drop table earlier_notices;
