-- The mail $1.
select
  mail_id,
  kind,
  about,
  detail,
  state,
  tries,
  resent,
  due_at,
  expires_at,
  code,
  created_at,
  updated_at
from mails
where mail_id = $1
