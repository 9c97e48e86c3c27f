-- Forgets $2 mails that are over, made before $1, the oldest first.
delete from mails
where mail_id in (
  select mail_id
  from mails
  where created_at < $1 and state <> 'pending'
  order by created_at, mail_id
  limit $2
)
