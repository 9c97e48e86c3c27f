-- An unknown key is entered as void, so that a late authorisation finds it and holds nothing.
insert into payments (payment_key, status, card, amount, currency, refunded, tries, created_at)
values ($1, 'voided', '', 0, 'EUR', 0, 0, $2)
on conflict (payment_key) do update
set status = case when payments.status in ('pending', 'authorised') then 'voided' else payments.status end
returning payment_key, status, card, amount, currency, refunded
