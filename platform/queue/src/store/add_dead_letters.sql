-- Sets events aside for consumers that refused them; a second refusal replaces the first.
insert into dead_letters (
  aggregate,
  sequence,
  consumer,
  event,
  code,
  message,
  at
)
values {rows:7}
on conflict (aggregate, sequence, consumer) do update set
  code = excluded.code,
  message = excluded.message,
  at = excluded.at
