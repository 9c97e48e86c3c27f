-- Once for each key; the update changes nothing and makes the row come back whether it is new or not.
insert into payments (payment_key, status, card, amount, currency, refunded, tries, created_at)
values {rows:8}
on conflict (payment_key) do update set tries = payments.tries
returning payment_key, status, card, amount, currency, refunded
